"""The tab that names the dances in a clip."""
