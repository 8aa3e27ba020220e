"""The tab that names the dance in one photo."""
