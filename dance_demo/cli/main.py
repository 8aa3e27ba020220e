"""The same core without a browser: `python -m dance_demo classify photo.jpg`, and so on.

Answers go to stdout, progress and complaints to stderr. The exit code is 0 if all went well, 1 if some photos
could not be read (the rest was answered), 2 if nothing could be done.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dance_demo.cli import compare, export, hub, inspect, predict, research, select, serve, train
from dance_demo.cli.streams import never_raise, quiet_libraries
from dance_demo.errors import DanceDemoError

COMMAND = "dance-demo"  # as it is installed


def main(arguments: Sequence[str] | None = None) -> int:
    never_raise()
    options = parser().parse_args(arguments)
    try:
        with quiet_libraries():
            return int(options.run(options))
    except DanceDemoError as error:
        for line in getattr(error, "left_out", ()):
            print(line, file=sys.stderr)
        print(f"dance_demo: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # nowhere to write
        print(f"dance_demo: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("dance_demo: stopped", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    installed = Path(sys.argv[0]).stem == COMMAND
    parser = argparse.ArgumentParser(prog=COMMAND if installed else "python -m dance_demo", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (serve, predict, inspect, train, compare, select, export, hub, research):
        module.add_commands(commands)
    return parser
