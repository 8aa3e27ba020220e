"""`inspect`: what a photo's file says, and which of its pieces are alike."""

import argparse
from pathlib import Path
from typing import Any

from dance_demo.cli.arguments import Commands, add_command
from dance_demo.cli.output import log, print_json
from dance_demo.errors import PhotoError
from dance_demo.files.text import safe_file_name


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "inspect", inspect)
    command.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    command.add_argument("--json", action="store_true", help="print a JSON list instead of sentences")
    command.add_argument("--views", type=Path, metavar="DIR", help="save each photo in other lights here")


def inspect(options: argparse.Namespace) -> int:
    """Look for clues on what happened to photos: facts from the file, pieces that are alike. No verdict."""
    if options.views:
        options.views.mkdir(parents=True, exist_ok=True)
    answers = []
    failed = 0
    for number, path in enumerate(options.photos):
        answer, unsaved = _answer(path, options.views, number)
        failed += unsaved + ("error" in answer)
        answers.append(answer)
        if not options.json:
            print("\n".join(_lines(answer)), flush=True)
    if options.json:
        print_json(answers)
    return int(failed > 0)


def _answer(path: Path, views: Path | None, number: int) -> tuple[dict[str, Any], int]:
    """What `--json` promises of one photo, and how many of its views could not be saved."""
    from dance_demo.files.forensics.inspection import inspect_photo
    from dance_demo.files.forensics.views import MAX_SIDE_PX, draw_views
    from dance_demo.files.photo import open_photo

    try:
        found = inspect_photo(path)
    except PhotoError as error:
        nothing: dict[str, Any] = {"facts": [], "copied_regions": [], "notes": []}
        return {"photo": str(path), **nothing, "error": str(error)}, 0
    unsaved = 0
    if views:
        for name, picture in draw_views(open_photo(path, max_side_px=MAX_SIDE_PX), found):
            file = views / f"{number:03d}-{safe_file_name(path.stem)}-{name}.png"
            try:
                picture.save(file)
            except OSError as error:
                log(f"{file}: {error.strerror or error}")
                unsaved += 1
    return {"photo": str(path), **found.to_json()}, unsaved


def _lines(answer: dict[str, Any]) -> list[str]:
    """The same as text."""
    if "error" in answer:
        return [f"{answer['photo']}: {answer['error']}"]
    lines = [f"{answer['photo']}:"]
    for fact in answer["facts"]:
        lines += [f"  {fact['name']}: {fact['value']}", f"      {fact['meaning']}"]
    for region in answer["copied_regions"]:
        lines.append(f"  Alike: {region['source']} and {region['target']} (score {region['score']})")
    if not answer["copied_regions"]:
        lines.append("  No pieces that are alike were found.")
    return lines + [f"  {note}" for note in answer["notes"]]
