"""Work in child processes: started, watched, limited and stopped. Knows nothing of the work."""
