"""What long work and whoever waits for it say to each other: how far it is, and whether it should come to an end."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Stop = Callable[[], bool]  # asked often: whether somebody wants the work to end


def never() -> bool:
    """The `Stop` of work that nobody wants to end early."""
    return False


@dataclass(frozen=True)
class Progress:
    """What is being done, in words, and how far it is: `done` of `total`, which is 0 where nobody can tell.

    Of several in a row only the latest is kept.
    """

    text: str
    done: int = 0
    total: int = 0


Step = TypeVar("Step")
Result = TypeVar("Result")


class Steps(Generic[Step, Result]):
    """Work that yields how far it is and returns a result: to be gone through, and then asked for its `result`."""

    result: Result

    def __init__(self, work: Generator[Step, None, Result]) -> None:
        self._work = work

    def __iter__(self) -> Iterator[Step]:
        self.result = yield from self._work

    def run(self) -> Result:
        """Go through all steps, whatever they say."""
        for _ in self:
            pass
        return self.result
