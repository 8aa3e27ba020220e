"""Content Credentials: read as they were signed, told apart from what was changed since, and never believed further."""

import importlib.util
import socket

import numpy as np
import pytest

from dance_demo.data.illustrations import draw
from dance_demo.files.forensics import credentials
from dance_demo.files.forensics.credentials import AS_SIGNED, MAX_STEPS, NOT_AS_SIGNED, UNREADABLE, read_credentials
from dance_demo.files.forensics.inspection import Inspection, inspect_photo
from tests.support.photo_parts import jpeg_bytes, png_bytes
from tests.support.signed_photos import SIGNER, signed

PHOTO = draw("odissi", 7).resize((240, 180))
MODEL = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MADE = {"action": "c2pa.created", "digitalSourceType": MODEL}
EDITED = {"action": "c2pa.color_adjustments", "softwareAgent": {"name": "Editor", "version": "2"}}


def said(found: Inspection) -> dict[str, str]:
    return {fact.name: fact.value for fact in found.facts if fact.name.startswith("Content Credentials")}


@pytest.mark.parametrize(("format", "photo"), [("jpeg", jpeg_bytes(PHOTO)), ("png", png_bytes(PHOTO))])
def test_signer_and_steps_are_named_and_that_nobody_vouches_for_them(format: str, photo: bytes):
    found = inspect_photo(signed(photo, [MADE, EDITED], format=format))
    assert said(found) == {
        "Content Credentials": AS_SIGNED,
        "Content Credentials: signed by": SIGNER,
        "Content Credentials: steps": "created, made by a generative model; color adjustments, Editor 2",
    }
    [signer] = [fact for fact in found.facts if fact.name.endswith("signed by")]
    assert "anybody can make a certificate" in signer.meaning


def test_a_picture_that_was_changed_after_signing_is_not_as_it_was_signed():
    data = bytearray(signed(jpeg_bytes(PHOTO), [MADE]))
    data[-300] ^= 1
    assert said(inspect_photo(bytes(data)))["Content Credentials"] == NOT_AS_SIGNED


def test_what_strangers_wrote_is_short_text_on_one_line():
    steps = [MADE, *({"action": f"x.{number}", "softwareAgent": "<script>\n\u202e"} for number in range(100))]
    data = signed(jpeg_bytes(PHOTO), steps, signer="<b>Nobody</b> \u202e you know")
    assert len(read_credentials(data, "JPEG").steps) == MAX_STEPS
    facts = said(inspect_photo(data))
    assert facts["Content Credentials: signed by"] == "<b>Nobody</b> you know"
    assert len(facts["Content Credentials: steps"]) <= 301 and "\n" not in facts["Content Credentials: steps"]


def test_damaged_ones_get_a_sentence_and_nothing_fails():
    data, random = signed(jpeg_bytes(PHOTO), [MADE, EDITED]), np.random.default_rng(0)
    states = set()
    for _ in range(300):
        changed = bytearray(data)
        for place in random.integers(20, len(data), random.integers(1, 20)):
            changed[place] = random.integers(256)
        states.add(read_credentials(bytes(changed[: random.integers(200, len(data) + 1)]), "JPEG").state)
    assert states <= {AS_SIGNED, NOT_AS_SIGNED, UNREADABLE} and UNREADABLE in states


def test_those_that_lie_elsewhere_are_not_fetched():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        data = signed(jpeg_bytes(PHOTO), [MADE], elsewhere=f"http://127.0.0.1:{server.getsockname()[1]}/note")
        assert read_credentials(data, "JPEG").state == UNREADABLE
        inspect_photo(data)
        with pytest.raises(TimeoutError):
            server.accept()


def test_without_the_package_it_is_said_that_there_are_some(monkeypatch: pytest.MonkeyPatch):
    data = signed(jpeg_bytes(PHOTO), [MADE])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert credentials.read_credentials(data, "JPEG") is None
    assert said(inspect_photo(data)) == {"Content Credentials": "there are some, not checked here"}
