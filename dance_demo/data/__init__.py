"""Photos with labels: from a folder, a zip, a CSV or the Hub to a checked dataset and its splits."""
