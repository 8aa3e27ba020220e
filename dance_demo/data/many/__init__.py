"""Photos by the million, of which there are only features and hashes."""
