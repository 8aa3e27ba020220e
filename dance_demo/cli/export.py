"""`python -m dance_demo export [MODEL] --as page --out my-classes.html`: a model to take home."""

import argparse
from pathlib import Path

from dance_demo.cli.arguments import Commands, add_command
from dance_demo.cli.output import log
from dance_demo.errors import ModelError
from dance_demo.export.formats import FORMATS
from dance_demo.jobs.progress import never
from dance_demo.model.directory import resolve


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "export", export)
    command.add_argument("model", nargs="?", metavar="MODEL", help="a model directory (default: the one that ships)")
    command.add_argument("--as", dest="format", choices=FORMATS, required=True, help="what is made of it")
    command.add_argument("--out", type=Path, required=True, metavar="PATH", help="the file or folder to write")


def export(options: argparse.Namespace) -> int:
    """Write a model as a page that runs without a network, or as a file for another program."""
    wanted, out = FORMATS[options.format], options.out
    if out.is_dir() or (out.exists() and not wanted.suffix):
        raise ModelError(f"{out.name} exists already. Choose another name for --out.")
    out.parent.mkdir(parents=True, exist_ok=True)
    for progress in wanted.write(resolve(options.model), out, never):
        log(progress.text)
    size = sum(file.stat().st_size for file in ([out] if out.is_file() else out.rglob("*")) if file.is_file())
    print(f"{out}: {size / 1e6:.1f} MB")
    return 0
