"""JSON is looked at before it is parsed."""

import json
import time
from contextlib import suppress

import pytest

from dance_demo.ui.server.limits.json_limits import MAX_DEPTH, MAX_VALUES, check_json


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"data": [{"path": "a/b", "meta": {"_type": "gradio.FileData"}}, "text", 3, True], "session_hash": "x"},
        {"data": ["[" * 5000 + '"' * 20 + "\\" * 7 + "]}"]},  # inside of a string signs are letters
        {"data": [{"path": f"{i:064x}/{i}.jpg", "orig_name": "x", "size": i, "meta": {}} for i in range(200)]},
        {"data": ["A" * 4_000_000]},
    ],
)
def test_what_the_page_and_its_clients_send_is_let_through(value):
    check_json(json.dumps(value).encode())


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_the_limits_are_where_they_are_said_to_be():
    check_json(nested(MAX_DEPTH))
    with pytest.raises(ValueError, match="deep"):
        check_json(nested(MAX_DEPTH + 1))
    check_json(b"[" + b"1," * (MAX_VALUES - 2) + b"1]")
    with pytest.raises(ValueError, match="values"):
        check_json(b"[" + b"1," * MAX_VALUES + b"1]")


@pytest.mark.parametrize(
    "text",
    [nested(120_000), b'{"a":' * 50_000, b"[1]," * 60_000, b'"' * 250_000, b'"\\' * 120_000, b'["' * 120_000],
    ids=["deep", "deep objects", "flat", "quotes", "escapes", "mixed"],
)
def test_W3_hostile_text_takes_as_long_as_it_is_and_no_longer(text):
    started = time.perf_counter()
    with suppress(ValueError):
        check_json(text)
    assert time.perf_counter() - started < 0.5
