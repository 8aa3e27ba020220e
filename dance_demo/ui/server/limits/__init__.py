"""What callers may take of the server: how much, how fast, and who comes first."""
