"""`python -m dance_demo publish MODEL owner/name` and `fetch owner/name --out DIR`: the Hub, without a page."""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

from dance_demo.cli.arguments import Commands, add_command
from dance_demo.cli.output import finished, log, print_json
from dance_demo.errors import ModelError
from dance_demo.export.space import PublishedPage, publish_page
from dance_demo.hub.client import own_access
from dance_demo.jobs.progress import Progress, never
from dance_demo.model import publishing
from dance_demo.model.bundle import read_bundle
from dance_demo.model.directory import ModelCard, require_new
from dance_demo.model.publishing import Fetched, Published


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "publish", publish)
    command.add_argument("model", type=Path, help="a model directory, or a bundle (.zip) that was downloaded")
    command.add_argument("repo", metavar="OWNER/NAME", help="where to put it; made if it is not there")
    command.add_argument("--public", action="store_true", help="for everybody to see (default: private)")
    command.add_argument("--page", action="store_true", help="its page, too, as a static Space of the same name")
    command.add_argument("--json", action="store_true")

    command = add_command(commands, "fetch", fetch)
    command.add_argument("address", metavar="ADDRESS", help="owner/name, or hf://owner/name@REVISION#SHA256")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new model directory")


def publish(options: argparse.Namespace) -> int:
    """Put a trained head with its model card on the Hugging Face Hub, with the token in HF_TOKEN."""
    if not options.model.exists():
        raise ModelError(f"{options.model.name}: there is no such model directory or bundle.")
    with tempfile.TemporaryDirectory() as folder:
        model = options.model if options.model.is_dir() else read_bundle(options.model, Path(folder) / "model")
        published = finished(
            publishing.publish(Path(folder), never, model, options.repo, own_access(), options.public), Published, _show
        )
        assert published is not None
        page = None
        if options.page:
            sent = publish_page(Path(folder), never, model, options.repo, own_access(), options.public)
            page = finished(sent, PublishedPage, _show)
    if options.json:
        print_json(vars(published) | ({"page": page.url} if page else {}))
    else:
        print(f"{published.url} ({'private' if published.private else 'public'})\nIt is {published.address}")
        if page:
            print(f"{page.url} ({'private' if page.private else 'public'})")
    return 0


def fetch(options: argparse.Namespace) -> int:
    """Fetch a head that was published, check it, and save it as a model directory."""
    require_new(options.out)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out.parent, prefix=".draft-") as draft:
        model = finished(publishing.fetch(Path(draft), never, options.address, own_access()), Path, _show)
        assert model is not None
        require_new(options.out)
        os.rename(model, options.out)
    print(ModelCard.read(options.out).summary())
    return 0


def _show(event: Any) -> None:
    if isinstance(event, Progress):
        log(event.text)
    elif isinstance(event, Fetched):
        log(f"It is {event.address}")
