"""Content Credentials (C2PA): the history that somebody signed into a photo, and whether it is still that picture.

Read by c2pa-python, an extra (`requirements-credentials.txt`, 53 MB). Nothing is fetched, neither a history that lies
elsewhere nor whether a certificate was revoked. No list of signers is kept here either, so a signer's name is what the
signer calls itself.
"""

import importlib.util
import io
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
MAX_STEPS = 20
MAX_CHARACTERS = 2_000_000  # of what the library says about one photo
SOURCE_TYPES = {  # of IPTC: by the end of their addresses
    "trainedAlgorithmicMedia": "made by a generative model",
    "compositeWithTrainedAlgorithmicMedia": "edited with a generative model",
    "digitalCapture": "taken by a camera",
    "compositeSynthetic": "put together, with artificial parts",
    "algorithmicMedia": "made by a program",
}
AS_SIGNED, NOT_AS_SIGNED, UNREADABLE = "as it was signed", "not as it was signed", "cannot be read"
_TYPES = {"JPEG": "jpeg", "PNG": "png", "WebP": "webp", "AVIF": "avif", "HEIC": "heic"}


@dataclass(frozen=True)
class Credentials:
    """What is signed. The texts are the signer's own, of any length and with anything in them."""

    state: str  # AS_SIGNED, NOT_AS_SIGNED or UNREADABLE
    signer: str = ""
    steps: tuple[str, ...] = ()


def read_credentials(data: bytes, format: str) -> Credentials | None:
    """The Content Credentials in a photo's file, of a format as `read_photo_file` names it; None without the package.

    Never fails.
    """
    if importlib.util.find_spec("c2pa") is None:
        return None
    import c2pa

    try:
        context = c2pa.Context(c2pa.Settings.from_dict(OFFLINE))
        reader = c2pa.Reader(f"image/{_TYPES[format]}", io.BytesIO(data), context=context)
        told, state = reader.json(), reader.get_validation_state()
        if len(told) > MAX_CHARACTERS:
            return Credentials(UNREADABLE)
        store = json.loads(told)
        manifest = store["manifests"][store["active_manifest"]]
        signer = _text(_part(_part(manifest, "signature_info"), "issuer"))
        fits = AS_SIGNED if state in ("Valid", "Trusted") else NOT_AS_SIGNED
        return Credentials(fits, signer, tuple(itertools.islice(_steps(manifest), MAX_STEPS)))
    except (c2pa.C2paError, ValueError, KeyError, TypeError, RecursionError):
        return Credentials(UNREADABLE)


def _steps(manifest: object) -> Iterator[str]:
    """What the signer says was done, in its order."""
    assertions = _part(manifest, "assertions")
    for assertion in assertions if isinstance(assertions, list) else ():
        if not _text(_part(assertion, "label")).startswith("c2pa.actions"):
            continue
        actions = _part(_part(assertion, "data"), "actions")
        for action in actions if isinstance(actions, list) else ():
            source = _text(_part(action, "digitalSourceType")).rpartition("/")[2]
            agent = _part(action, "softwareAgent")
            name = _text(agent) or " ".join(filter(None, (_text(_part(agent, key)) for key in ("name", "version"))))
            done = _text(_part(action, "action")).removeprefix("c2pa.").replace("_", " ")
            yield ", ".join(filter(None, (done, SOURCE_TYPES.get(source, source), name, _text(_part(action, "when")))))


def _part(of: object, key: str) -> Any:
    """What a JSON object has under this key; None where there is no such thing."""
    return of.get(key) if isinstance(of, dict) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
