"""The tab that looks for clues on what happened to a photo."""
