"""Photo to answer, with LiteRT and NumPy alone: backbone, head, heatmap, and the directory that holds them."""
