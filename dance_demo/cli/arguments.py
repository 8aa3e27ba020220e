"""What the commands have in common in their arguments."""

import argparse
from collections.abc import Callable
from typing import TypeAlias

from dance_demo.data.layout import LAYOUTS
from dance_demo.model.preprocessing import BOTH, CHOICES, SoundSettings

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(commands: Commands, name: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    """Add a command that calls `run` with its options; the docstring of `run` explains it."""
    command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
    command.set_defaults(run=run)
    return command


def add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", metavar="DIR", help="a model directory (default: the one that ships)")


def add_held_out(command: argparse.ArgumentParser, *, validation_fraction: float) -> None:
    """How photos are held out to measure with: a share of them, or folds."""
    held_out = command.add_mutually_exclusive_group()
    held_out.add_argument("--validation", type=float, default=validation_fraction, metavar="SHARE",
                          help="share of the photos put aside to judge (default: %(default)s)")  # fmt: skip
    held_out.add_argument("--folds", type=int, default=0, help="judge by cross-validation instead: 3 to 10")


def add_layout(command: argparse.ArgumentParser) -> None:
    ways = command.add_mutually_exclusive_group()
    ways.add_argument("--columns", type=_two_columns, dest="layout", metavar="PHOTO,LABEL",
                      help="the columns of the CSV, if they are not called as usual")  # fmt: skip
    ways.add_argument("--layout", choices=LAYOUTS, help="where the classes stand, if taken from elsewhere: "
                         "the outermost folders, those around each photo, or a CSV")  # fmt: skip


def add_sound(command: argparse.ArgumentParser) -> None:
    """How pictures are made of recordings, where these are what is given."""
    default = SoundSettings()
    command.add_argument("--pictures", choices=CHOICES, default=BOTH, help="of recordings: which pictures of sound are "
                         "looked at (default: both spectrogram and wavelet, fused)")  # fmt: skip
    command.add_argument("--piece-seconds", type=float, default=default.piece_s, metavar="S",
                         help="of recordings: how long the pieces are (default: %(default)s)")  # fmt: skip


def sound_settings(options: argparse.Namespace) -> SoundSettings:
    """What `add_sound` was told."""
    return SoundSettings(CHOICES[options.pictures], options.piece_seconds)


def _two_columns(text: str) -> tuple[str, str]:
    photo, comma, label = text.partition(",")
    if not (photo.strip() and label.strip()):
        raise argparse.ArgumentTypeError("must be the names of two columns, like Image,target")
    return photo.strip(), label.strip()


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number
