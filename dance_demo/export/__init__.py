"""A model to take home: as a page that runs anywhere, and as the files that other programs read."""
