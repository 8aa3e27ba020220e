"""What programs note in XMP (ISO 16684-1), searched for by name: no XML parser meets the text of a stranger."""

import re
from dataclasses import dataclass

MAX_STEPS = 20
_LONGEST = 200
_TOOL, _SOURCE_TYPE = rb"xmp:CreatorTool", rb"(?:Iptc4xmpExt:|\w{1,20}:)DigitalSourceType"
_STEP = re.compile(rb"<rdf:li\b[^<>]{0,2000}stEvt:[^<>]{0,2000}>", re.DOTALL)
_LONG_STEP = re.compile(rb"<rdf:li rdf:parseType=\"Resource\">(\s*<stEvt:.{0,2000}?)</rdf:li>", re.DOTALL)


@dataclass(frozen=True)
class Xmp:
    """Texts as they stand, at most 200 letters each; "" where there is none."""

    tool: str = ""
    created: str = ""
    modified: str = ""
    source_type: str = ""  # of IPTC: trainedAlgorithmicMedia is made by a model
    history: tuple[str, ...] = ()  # action, program, time
    steps: int = 0  # in the history, of which `history` has the first ones


def read_xmp(packet: bytes) -> Xmp:
    """Read what is explained here. Never fails: what is not found is left empty."""
    packet = packet if packet.isascii() or b"\0" not in packet else packet.replace(b"\0", b"")  # UTF-16
    steps = [match[0] for match in (*_STEP.finditer(packet), *_LONG_STEP.finditer(packet))]
    return Xmp(
        tool=_value(packet, _TOOL),
        created=_value(packet, rb"xmp:CreateDate") or _value(packet, rb"photoshop:DateCreated"),
        modified=_value(packet, rb"xmp:ModifyDate"),
        source_type=_value(packet, _SOURCE_TYPE).rpartition("/")[2],
        history=tuple(_step(step) for step in steps[:MAX_STEPS]),
        steps=len(steps),
    )


def _step(text: bytes) -> str:
    parts = (_value(text, rb"stEvt:" + name) for name in (rb"action", rb"softwareAgent", rb"when"))
    return ", ".join(part for part in parts if part)


def _value(text: bytes, name: bytes) -> str:
    """Of an attribute or of an element, the first one."""
    match = re.search(name + rb"(?:=\"([^\"<]{0,2000})\"|=\'([^\'<]{0,2000})\'|>\s*([^<]{0,2000})<)", text)
    if not match:
        return ""
    return next(part for part in match.groups() if part is not None).decode("utf-8", "replace").strip()[:_LONGEST]
