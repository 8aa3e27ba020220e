"""Calls that no page of ours would ever send: wrong types, wrong numbers, broken JSON, broken forms."""

import json
import random
from typing import Any

from tests.support.running_app import JSON


def junk_value(dice: random.Random, depth: int = 0) -> Any:
    plain = [None, True, 0, -1, 2**31, 2**63, 2**70, 1e308, "", "a", "\0", "\ud83d", "<img src=x>", "é" * 999, "../a"]
    if depth > 3 or dice.random() < 0.5:
        return dice.choice(plain)
    if dice.random() < 0.5:
        return [junk_value(dice, depth + 1) for _ in range(dice.randrange(4))]
    keys = ("path", "url", "meta", "data", "is_stream", "orig_name", "__type__", "\0", "")
    return {dice.choice(keys): junk_value(dice, depth + 1) for _ in range(3)}


def junk_call(dice: random.Random, session: str) -> dict:
    call = {"data": dice.choice([[junk_value(dice)], [7], [], [None] * 9, junk_value(dice)])}
    call["session_hash"] = session if dice.random() < 0.9 else junk_value(dice)
    for key in ("fn_index", "event_id", "trigger_id", "event_data", "batched", "simple_format", "oauth_token"):
        if dice.random() < 0.3:
            call[key] = dice.choice([0, 1, 2, 99, -1, 2**40, "0", junk_value(dice)])
    return call


def junk_body(dice: random.Random, session: str) -> tuple[bytes, dict]:
    nested = b"[" * dice.choice([30, 300, 900, 100_000])
    raw = [b"", b"{", b"null", b"[]", b"7", b'"a"', nested, nested + b"]" * len(nested)]
    raw += [b'{"data": [%s%s], "session_hash": "%s"}' % (nested, b"]" * len(nested), session.encode())] * 3
    raw += [b'{"data": [NaN, Infinity]}', b'{"data": [%s]}' % (b"9" * 5000), b'\xef\xbb\xbf{"data": []}', b"\xff\xfe"]
    raw += [b'{"data": [7], "data": {}}', '{"data": [7]}'.encode("utf-16"), dice.randbytes(300)]
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\na\r\n--x--\r\n'
    raw += [part % name for name in (b"..", b"../../a", b"\0", b"a" * 9000, b"\xff", b"", b"/", b"CON", b"a" * 300)]
    raw += [b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\na\r\n--x--\r\n', b"--x\r\n\r\n", b"--x--"]
    kinds = ["application/json", "text/plain", "", "multipart/form-data", "multipart/form-data; boundary=x"]
    kinds += ["multipart/form-data; boundary=", 'multipart/form-data; boundary="x"', "application/json; charset=\xe9"]
    if dice.random() < 0.6:
        return json.dumps(junk_call(dice, session)).encode(), JSON
    return dice.choice(raw), {"Content-Type": dice.choice(kinds)}
