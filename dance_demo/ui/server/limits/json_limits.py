"""Looks at a JSON text before anybody parses it: how deep it is, and how many values it has.

Parsing grows faster than the text where it is deep, and whatever walks through the values afterwards does so on the
loop that serves everybody. Counting brackets and commas outside of strings takes a millisecond for 250 kB.
"""

import re

MAX_DEPTH = 32  # the page's own calls are 6 deep
MAX_VALUES = 20_000  # 200 photos with all that Gradio says of each are 2,000

# A string that has no end is one up to the end of the text; else each of its quotes would be tried anew.
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_LETTERS = bytes(set(range(256)) - set(b"[]{},:"))


def check_json(text: bytes) -> None:
    """Raise ValueError for a text that is deeper or has more values than a call of ours can have."""
    signs = _STRINGS.sub(b"", text).translate(None, _LETTERS)
    values = signs.count(b",") + signs.count(b":") + signs.count(b"[") + signs.count(b"{")
    if values > MAX_VALUES:
        raise ValueError(f"more than {MAX_VALUES} values")
    depth = 0
    for sign in signs:
        depth += (sign in b"[{") - (sign in b"]}")
        if depth > MAX_DEPTH:
            raise ValueError(f"more than {MAX_DEPTH} deep")
