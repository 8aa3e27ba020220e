"""Starts the page on which a photo of a dancer becomes the name of the dance: `python app.py --help`."""

from dance_demo.cli.serve import main

if __name__ == "__main__":
    main()
