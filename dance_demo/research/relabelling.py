"""Photos of other people's collections that carry a wrong label: which are relabelled or left out, and why.

The list names photos by the hash of their pixels, so that it can be published without them. A person looked at every
picture in it; two models that disagreed with its label only said where to look.

    pixel_sha256,decision,label,reason
    87ced533...,drop,,looks like Odissi; not certain enough to relabel
    41f0ab92...,relabel,odissi,silver belt of Odissi
"""

import csv
from collections.abc import Mapping
from pathlib import Path

from dance_demo.data.dataset import PhotoDataset
from dance_demo.errors import DatasetError

DROP, RELABEL = "drop", "relabel"


def read_decisions(path: Path) -> dict[str, str | None]:
    """The label that each listed photo gets, by its pixel hash; None for one that is left out.

    Raises DatasetError for a list that cannot be read or decides something else.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        decided = {row["pixel_sha256"]: (row["decision"], row["label"]) for row in rows}
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(f"{path.name} is not a list of decisions: {error}") from error
    for decision, label in decided.values():
        if decision not in (DROP, RELABEL) or (decision == RELABEL) != bool(label):
            received = f"{decision!r}, {label!r}"
            raise DatasetError(f"{path.name}: expected drop, or relabel with a label. Received: {received}")
    return {photo: label or None for photo, (_, label) in decided.items()}


def relabelled(dataset: PhotoDataset, decisions: Mapping[str, str | None]) -> PhotoDataset:
    """The dataset with what was decided about its photos; photos that are not listed stay as they are."""
    listed = ((index, photo.pixel_sha256) for index, photo in enumerate(dataset.photos))
    return dataset.relabelled({index: decisions[photo] for index, photo in listed if photo in decisions})
