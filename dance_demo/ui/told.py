"""Whatever goes wrong in a handler becomes a sentence on the page."""

from collections.abc import Callable
from logging import Logger
from typing import Any

from dance_demo.errors import DanceDemoError

TROUBLE = "Something went wrong on our side. Please try again."


def told(
    answered: Callable[[], Any], otherwise: Callable[[str], Any], *, log: Logger, what: str, trouble: str = TROUBLE
) -> Any:
    """What `answered` returns, or `otherwise` of a sentence: the error's own if a visitor can mend it.

    Any other error is ours: it goes to the log as `what`, and the sentence is `trouble`.
    """
    try:
        return answered()
    except DanceDemoError as error:
        message = str(error)
    except Exception:
        log.exception(what)
        message = trouble
    return otherwise(message)
