"""Accidents that files meet with: bytes lost, doubled, overwritten, taken from another file."""

import random

SIGNATURES = (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7")


def mutate(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """The data after one to four accidents."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        other = rng.choice(others)
        start = rng.randrange(len(other))
        piece = other[start : start + rng.randint(1, 60)]
        data = rng.choice(
            [
                data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :],
                data[:at] + rng.choice([b"\0", b"\xff", b"\x7f"]) * rng.randint(1, 8) + data[at + rng.randint(0, 8) :],
                data[:at],
                data[at:],
                data[:at] + piece + data[at:],
                data[:at] + piece + data[at + len(piece) :],
                data[:at] + rng.choice([*SIGNATURES, b'"', b";", b"\r", b"\n"]) + data[at:],
                data[:at] + data[at + rng.randint(1, 30) :],
            ]
        )  # fmt: skip
    return data
