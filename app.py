"""Starts the page on which a photo of a dancer becomes the name of the dance: `python app.py --help`."""

import argparse
import os
import sys
from importlib.util import find_spec


def main() -> None:
    settings = arguments()
    if settings.mcp and not find_spec("mcp"):
        sys.exit("--mcp needs the package mcp. Install it: python -m pip install -r requirements-mcp.txt")
    from dance_demo.classroom import Classroom, make_password
    from dance_demo.errors import DanceDemoError
    from dance_demo.lan import check_certificate, check_port

    certificate = (settings.certificate, settings.key) if settings.certificate else None
    password = "" if settings.password is None else settings.password.strip() or make_password()
    where = {"host": settings.host, "port": settings.port}
    try:
        check_port(**where)
        if certificate:
            check_certificate(*certificate)
        from dance_demo.ui.page import build_page, launch

        classroom = Classroom(**where, password=password, secure=bool(certificate)) if settings.classroom else None
        page = build_page(settings.model, classroom=classroom)
    except DanceDemoError as error:
        sys.exit(f"The app cannot start. {error}")
    if password and not classroom:
        print(f"Password: {password}", flush=True)
    behind = {"password": password, "certificate": certificate, "classroom": classroom}
    launch(page, **where, share=settings.share, mcp=settings.mcp, **behind)


def arguments() -> argparse.Namespace:
    on_spaces = os.environ.get("SYSTEM") == "spaces"
    asked_for_tools = os.environ.get("GRADIO_MCP_SERVER", "").lower() == "true"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", help="address to listen on (default: this computer alone; its network for a class)")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", 7860)), help="default: %(default)s")
    parser.add_argument("--share", action="store_true", help="also open a public address for 72 hours")
    parser.add_argument("--mcp", action="store_true", default=asked_for_tools, help="also answer assistants, by MCP")
    parser.add_argument("--model", help="model directory or hf:// address (default: the model that ships)")
    parser.add_argument("--classroom", action="store_true", help="open the page to a class, and show how to join")
    parser.add_argument(
        "--password",
        nargs="?",
        const="",
        default=os.environ.get("DANCE_DEMO_PASSWORD") or None,
        help="everybody must give it once; made up if left out (a list of processes shows it; the environment's"
        " DANCE_DEMO_PASSWORD is not shown)",
    )
    parser.add_argument("--certificate", metavar="PEM", help="serve https, which browsers want for the camera")
    parser.add_argument("--key", metavar="PEM", help="the private key of the certificate")
    settings = parser.parse_args()
    if settings.classroom and settings.share:
        parser.error("--classroom stays in the room and --share leaves it; choose one of them")
    if bool(settings.certificate) != bool(settings.key):
        parser.error("--certificate and --key belong together")
    settings.host = settings.host or ("0.0.0.0" if on_spaces or settings.classroom else "127.0.0.1")
    return settings


if __name__ == "__main__":
    main()
