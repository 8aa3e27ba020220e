"""The tab that names many photos at once."""
