"""Name the Indian classical dance in a photo, and see where the model looked."""
