"""Feature selection: which of the backbone's channels matter for a visitor's classes, and whether fewer would do."""
