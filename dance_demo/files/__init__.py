"""The bytes of a stranger become a photo, a clip, a table or numbers here, and nowhere else."""
