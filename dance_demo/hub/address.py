"""Where something lies on the Hugging Face Hub, as people write it.

| text                                  | what it names                                                              |
|---------------------------------------|----------------------------------------------------------------------------|
| `owner/name`                          | the newest revision                                                        |
| `hf://owner/name@v1`                  | a branch, a tag or a commit                                                |
| `hf://owner/name@REVISION#SHA256`     | a commit, and the SHA-256 that its card.json must have                     |
| `hf://datasets/owner/name`            | a dataset                                                                  |

The parts go into addresses of requests, so nothing but letters, digits and `_ . -` is in them.
"""

import contextlib
import re
from dataclasses import dataclass
from typing import Self

from dance_demo.errors import DanceDemoError, DatasetError, ModelError

WEBSITE = "https://huggingface.co/"
_SCHEME, _DATASETS = "hf://", "datasets/"
_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?")  # of a name, and a whole revision
_SHA256 = re.compile("[0-9a-f]{64}")
_COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True)
class HubAddress:
    """A model, or a dataset, on the Hub. `revision` and `sha256` are "" where the text names none."""

    repo: str
    revision: str = ""
    sha256: str = ""
    dataset: bool = False

    @classmethod
    def of_model(cls, text: str) -> Self:
        """Raises `ModelError` for anything that is not the address of a model."""
        return cls._parsed(text, dataset=False)

    @classmethod
    def of_pinned_model(cls, text: str) -> Self:
        """The same, written out in full with a commit and a hash, so that it always names the same files."""
        with contextlib.suppress(ModelError):
            address = cls.of_model(text)
            if str(address) == text and address.sha256 and _COMMIT.fullmatch(address.revision):
                return address
        raise ModelError(f"{text!r:.200} is not a model address. Expected hf://owner/name@REVISION#SHA256.")

    @classmethod
    def of_dataset(cls, text: str) -> Self:
        """The same for a dataset, with or without `datasets/`, and without a hash. Raises `DatasetError`."""
        return cls._parsed(text, dataset=True)

    @classmethod
    def _parsed(cls, text: str, *, dataset: bool) -> Self:
        rest = str(text or "").strip().removeprefix(_SCHEME).removeprefix(WEBSITE).removesuffix("/")
        rest = rest.removeprefix(_DATASETS) if dataset else rest
        rest, hashed, sha256 = rest.partition("#")
        repo, at, revision = rest.partition("@")
        sha256 = sha256.removeprefix("sha256=")
        if (
            repo.count("/") != 1
            or not all(map(_is_part, repo.split("/")))
            or repo.endswith(".git")
            or (at and not _is_part(revision))
            or (hashed and (dataset or not _SHA256.fullmatch(sha256)))
        ):
            raise _not_an_address(text, dataset)
        return cls(repo, revision, sha256, dataset)

    def __str__(self) -> str:
        kind = _DATASETS if self.dataset else ""
        revision, sha256 = self.revision and f"@{self.revision}", self.sha256 and f"#{self.sha256}"
        return f"{_SCHEME}{kind}{self.repo}{revision}{sha256}"


def is_dataset_address(text: str) -> bool:
    """Whether a text means a dataset on the Hub, and not a file or folder of this computer."""
    return text.startswith(_SCHEME + _DATASETS)


def _is_part(part: str) -> bool:
    """The Hub's own rules for names; what they forbid is no use in a revision either."""
    return bool(_PART.fullmatch(part)) and ".." not in part and "--" not in part


def _not_an_address(text: object, dataset: bool) -> DanceDemoError:
    kind, error = (_DATASETS, DatasetError) if dataset else ("", ModelError)
    if not dataset and str(text).strip().removeprefix(_SCHEME).removeprefix(WEBSITE).startswith(_DATASETS):
        return error("This is the address of a dataset. Give it in the step “Data”, or to the command `train`.")
    return error(
        f"{str(text)!r:.120} is not an address on the Hub. Write owner/name, or hf://{kind}owner/name@revision."
    )
