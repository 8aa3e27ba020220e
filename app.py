"""Starts the page on which a photo of a dancer becomes the name of the dance: `python app.py --help`."""

import argparse
import os
import sys


def main() -> None:
    settings = arguments()
    from dance_demo.errors import ModelError
    from dance_demo.ui.page import build_demo, launch

    try:
        demo = build_demo(settings.model)
    except ModelError as error:
        sys.exit(f"The app cannot start. {error}")
    launch(demo, host=settings.host, port=settings.port, share=settings.share)


def arguments() -> argparse.Namespace:
    on_spaces = os.environ.get("SYSTEM") == "spaces"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="0.0.0.0" if on_spaces else "127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", 7860)), help="default: %(default)s")
    parser.add_argument("--share", action="store_true", help="also open a public address for 72 hours")
    parser.add_argument("--model", help="model directory or hf:// address (default: the model that ships)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
