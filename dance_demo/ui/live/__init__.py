"""The tab that names what a camera sees."""
