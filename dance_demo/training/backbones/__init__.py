"""Through which backbone photos are seen: the one that was asked for, or the one that suits them."""
