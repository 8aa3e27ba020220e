"""Where in a picture the evidence for a class lies: heatmaps, and how they are laid over the photo."""
