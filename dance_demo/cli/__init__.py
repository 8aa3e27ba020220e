"""The same without a browser: `python -m dance_demo --help`."""
