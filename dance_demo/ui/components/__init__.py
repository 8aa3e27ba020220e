"""What several parts of the page are built from."""
