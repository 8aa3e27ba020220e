"""`python -m dance_demo publish MODEL owner/name` and `fetch owner/name --out DIR`: the Hub, without a page."""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from dance_demo.bundle import read_bundle
from dance_demo.errors import ModelError
from dance_demo.hub import FromHub, Published, fetch_head
from dance_demo.hub import publish as run
from dance_demo.hub_client import own_access
from dance_demo.model_store import ModelCard, require_new
from dance_demo.training import Phase


def add_publish_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", type=Path, help="a model directory, or a bundle (.zip) that was downloaded")
    command.add_argument("repo", metavar="OWNER/NAME", help="where to put it; made if it is not there")
    command.add_argument("--public", action="store_true", help="for everybody to see (default: private)")
    command.add_argument("--json", action="store_true")


def add_fetch_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("address", metavar="ADDRESS", help="owner/name, or hf://owner/name@REVISION#SHA256")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new model directory")


def publish(options: argparse.Namespace) -> int:
    """Put a trained head with its model card on the Hugging Face Hub, with the token in HF_TOKEN."""
    if not options.model.exists():
        raise ModelError(f"{options.model.name}: there is no such model directory or bundle.")
    with tempfile.TemporaryDirectory() as folder:
        model = options.model if options.model.is_dir() else read_bundle(options.model, Path(folder) / "model")
        for event in run(model, options.repo, own_access(), public=options.public):
            _tell(event)
    print(json.dumps(vars(event), indent=1) if options.json else _summary(event))
    return 0


def fetch(options: argparse.Namespace) -> int:
    """Fetch a head that was published, check it, and save it as a model directory."""
    require_new(options.out)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out.parent, prefix=".draft-") as draft:
        for event in fetch_head(options.address, Path(draft), own_access()):
            _tell(event)
        require_new(options.out)
        os.rename(event, options.out)
    print(ModelCard.read(options.out).summary())
    return 0


def _tell(event: Any) -> None:
    if isinstance(event, Phase):
        print(event.text, file=sys.stderr, flush=True)
    elif isinstance(event, FromHub):
        print(f"It is {event.address}", file=sys.stderr, flush=True)


def _summary(published: Published) -> str:
    seen_by = "private" if published.private else "public"
    return f"{published.url} ({seen_by})\nIt is {published.address}"
