"""What the browser remembers of a visitor, so that a page that was closed or reloaded finds its jobs again.

It is no secret and proves nothing: whoever knows the id of a job may look at it, and ids cannot be guessed. What comes
back from a browser may be anything, and is checked.
"""

import re
import secrets
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

TRAININGS_REMEMBERED = 20
_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Visit:
    """Ids of jobs; "" where there is none. `visitor` says whose they are: each visitor has one job at a time."""

    visitor: str = ""
    trainings: tuple[str, ...] = ()  # in the order of their start
    comparison: str = ""
    bundle: str = ""  # the job that read an uploaded bundle
    errand: str = ""  # the latest job of the step "Use"
    using: str = ""  # the job whose model answers in "Name a dance", instead of the one that ships

    @classmethod
    def from_browser(cls, value: Any) -> "Visit":
        """What was stored, or a new visitor where that is nothing or damaged."""
        known = value if isinstance(value, dict) else {}
        ids = {field.name: known.get(field.name) for field in fields(cls) if field.name != "trainings"}
        kept = {name: id for name, id in ids.items() if _is_id(id)}
        trainings = known.get("trainings")
        trainings = tuple(id for id in trainings if _is_id(id)) if isinstance(trainings, list) else ()
        return cls(**{"visitor": secrets.token_hex(16), **kept}, trainings=trainings[-TRAININGS_REMEMBERED:])

    def to_browser(self) -> dict[str, Any]:
        return {**asdict(self), "trainings": list(self.trainings)}

    def with_training(self, id: str) -> "Visit":
        """The visit after one more training was started."""
        return replace(self, trainings=(*self.trainings, id)[-TRAININGS_REMEMBERED:])


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and bool(_ID.fullmatch(value))
