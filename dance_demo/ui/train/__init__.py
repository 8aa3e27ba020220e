"""The tab on which visitors train a head of their own."""
