"""The one way to the Hugging Face Hub: whose token is used, and what is said when it does not work.

A token is used for nobody but whom it belongs to. Whoever has none asks without one: the client would otherwise take
that of whoever runs the server, and open private repositories to every visitor.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dance_demo.errors import DanceDemoError, ModelError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

NO_TOKEN = (
    "There is no token of yours to publish with. Sign in, where the page has a button for it; or, on your own "
    "computer, set HF_TOKEN to a token that may write, and start the page with --hub-token."
)
_FULL_DISK = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


@dataclass(frozen=True)
class Access:
    """Somebody's token for the Hub, "" for none. It is never printed."""

    token: str = field(default="", repr=False)


def own_access() -> Access:
    """That of whoever sits at this computer: HF_TOKEN, or what `hf auth login` has left. Not for a page."""
    from huggingface_hub import get_token

    return Access(get_token() or "")


def client(access: Access, *, progress_bars: bool = False) -> "HfApi":
    """The Hub at HF_ENDPOINT, asked with this token and no other."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not progress_bars:
        disable_progress_bars()
    return HfApi(os.environ.get("HF_ENDPOINT") or None, token=access.token or False, library_name="dance_demo")


@contextlib.contextmanager
def translate_hub_errors(repo: str, access: Access, kind: type[DanceDemoError] = ModelError) -> Iterator[None]:
    """Whatever goes wrong with the Hub inside becomes an error of this kind, with a sentence on what to do."""
    try:
        yield
    except DanceDemoError:
        raise
    except Exception as error:  # of the Hub, of its HTTP library, of the disk: they have no base in common
        raise kind(_sentence(error, repo, bool(access.token))) from None  # nothing of a request goes into a log


def _sentence(error: BaseException, repo: str, signed_in: bool) -> str:
    causes = list(_causes(error))
    names = {type(one).__name__ for one in causes}
    if "OfflineModeIsEnabled" in names:
        return "The Hub was not asked, because HF_HUB_OFFLINE is set here. Start without it."
    if any(getattr(one, "errno", None) in _FULL_DISK for one in causes):
        return "No space left here for the files from the Hub. Try later."
    if "GatedRepoError" in names:
        return f"{repo} is open only to those who have accepted its terms. Accept them on its page, and sign in."
    if "RevisionNotFoundError" in names:
        return f"{repo} has no such revision. Check what stands behind the @, or leave it out."
    answers = (getattr(one, "response", None) for one in causes)
    status = next((answer.status_code for answer in answers if answer is not None), 0)
    if status in (401, 404) and (status == 404 or not signed_in):
        own = "" if signed_in else " To reach a private one, use your own token."
        return f"{repo} is not on the Hub, or it is private. Check the name.{own}"
    return _by_status(status, repo) or (
        f"The Hub cannot be reached ({type(causes[-1]).__name__}). Check the connection, and try again."
    )


def _by_status(status: int, repo: str) -> str:
    """ "" where the Hub did not answer at all."""
    if status >= 500:
        return f"The Hub has trouble of its own ({status}). Try again later."
    return {
        401: "The Hub does not accept this token (401). Sign in again, or make a new one that may write.",
        403: f"This token has no right to do that with {repo} (403). Use your own name before the /, and a token that "
        "may write.",
        413: "The Hub says that this is too large (413).",
        429: "The Hub has had too many requests from here (429). Try again in a few minutes.",
    }.get(status, f"The Hub refused that ({status})." if status else "")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what led to it."""
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
