"""The tab with the guessing game."""
