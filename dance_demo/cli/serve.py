"""`dance-demo serve`, or `python app.py`: the page on which a photo of a dancer becomes the name of the dance."""

import argparse
import os
import sys
from importlib.util import find_spec

from dance_demo.classroom.invitation import Classroom, make_password
from dance_demo.classroom.lan import check_certificate, check_port
from dance_demo.cli.arguments import Commands, add_command
from dance_demo.cli.streams import never_raise, quiet_libraries
from dance_demo.errors import DanceDemoError


def main() -> None:
    """`python app.py`: the command alone."""
    parser = argparse.ArgumentParser(description=serve.__doc__)
    add_arguments(parser)
    never_raise()
    options = parser.parse_args()
    with quiet_libraries():
        sys.exit(serve(options))


def add_commands(commands: Commands) -> None:
    add_arguments(add_command(commands, "serve", serve))


def add_arguments(command: argparse.ArgumentParser) -> None:
    asked_for_tools = os.environ.get("GRADIO_MCP_SERVER", "").lower() == "true"
    command.add_argument("--host", help="address to listen on (default: this computer alone; its network for a class)")
    command.add_argument("--port", type=_port, default=os.environ.get("PORT", "7860"), help="default: %(default)s")
    command.add_argument("--share", action="store_true", help="also open a public address for 72 hours")
    command.add_argument("--mcp", action="store_true", default=asked_for_tools, help="also answer assistants, by MCP")
    command.add_argument("--model", help="model directory or hf:// address (default: the model that ships)")
    command.add_argument("--classroom", action="store_true", help="open the page to a class, and show how to join")
    command.add_argument("--server-live", action="store_true", help="answer cameras here, not in visitors' browsers")
    command.add_argument(
        "--password",
        nargs="?",
        const="",
        default=os.environ.get("DANCE_DEMO_PASSWORD") or None,
        help="everybody must give it once; made up if left out (a list of processes shows it; the environment's"
        " DANCE_DEMO_PASSWORD is not shown)",
    )
    command.add_argument(
        "--hub-token",
        action="store_true",
        help="publish and fetch on the Hub with HF_TOKEN of the environment, from this computer alone",
    )
    command.add_argument(
        "--trusted-proxies",
        type=int,
        choices=range(4),
        default=1 if os.environ.get("SYSTEM") == "spaces" else 0,
        metavar="N",
        help="how many reverse proxies stand before the page and add to X-Forwarded-For (default: %(default)s)",
    )
    command.add_argument(
        "--root-path",
        default=os.environ.get("GRADIO_ROOT_PATH", ""),
        metavar="PATH",
        help="below which a reverse proxy shows the page, as /dance (see docs/deploy.md)",
    )
    command.add_argument("--certificate", metavar="PEM", help="serve https, which browsers want for the camera")
    command.add_argument("--key", metavar="PEM", help="the private key of the certificate")
    command.set_defaults(refuse=command.error)


def _port(text: str) -> int:
    if not text.strip().isdecimal():
        found = f"{text!r:.40} is no port" if text.strip() else "no port is given"
        raise argparse.ArgumentTypeError(f"{found}. Set --port, or PORT of the environment, to a number like 7860")
    return int(text[:20])


def _root_path(text: str) -> str:
    """With a slash in front and none at the end; an address stays one."""
    path = text.strip().rstrip("/")
    return path if not path or "://" in path or path.startswith("/") else f"/{path}"


def serve(options: argparse.Namespace) -> int:
    """Start the page on which a photo of a dancer becomes the name of the dance."""
    if options.classroom and options.share:
        options.refuse("--classroom stays in the room and --share leaves it; choose one of them")
    if bool(options.certificate) != bool(options.key):
        options.refuse("--certificate and --key belong together")
    in_public = os.environ.get("SYSTEM") == "spaces" or options.classroom
    if options.hub_token:
        if options.share or in_public:
            options.refuse("--hub-token is for a page that is open to nobody else")
        os.environ["DANCE_DEMO_LENDS_HUB_ACCESS"] = "1"
    if options.mcp and not find_spec("mcp"):
        sys.exit("--mcp needs the package mcp. Install it: python -m pip install -r requirements-mcp.txt")
    host = (options.host or "").strip("[]") or ("0.0.0.0" if in_public else "127.0.0.1")
    certificate = (options.certificate, options.key) if options.certificate else None
    password = "" if options.password is None else options.password.strip() or make_password()
    classroom = Classroom(options.port, host, password, secure=bool(certificate)) if options.classroom else None
    try:
        check_port(host, options.port)
        if certificate:
            check_certificate(*certificate)
        # Not before: Gradio takes seconds, and what is wrong with an option is said at once.
        from dance_demo.ui.launch import ServerOptions, launch
        from dance_demo.ui.page import build_page

        page = build_page(options.model, classroom=classroom, server_live=options.server_live)
    except DanceDemoError as error:
        sys.exit(f"The app cannot start. {error}")
    if password and not classroom:
        print(f"Password: {password}", flush=True)
    server = ServerOptions(
        host,
        options.port,
        options.share,
        options.mcp,
        password,
        certificate,
        classroom,
        options.trusted_proxies,
        _root_path(options.root_path),
    )
    launch(page, server)
    return 0
