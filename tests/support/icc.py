"""A colour profile as phones write it into their photos."""

import struct

# ICC.1:2001: the primaries of Display P3 adapted to D50 (XYZ), and a gamma of 2.2 for its curve.
WHITE = (0.9642, 1.0, 0.8249)
PRIMARIES = {"r": (0.5151, 0.2412, -0.0011), "g": (0.2919, 0.6922, 0.0419), "b": (0.1572, 0.0666, 0.7841)}
GAMMA = 2.2


def display_p3() -> bytes:
    """An ICC profile of three primaries that are wider than those of sRGB."""
    text = b"Display P3\0"
    described = b"desc" + struct.pack(">II", 0, len(text)) + text + bytes(4 + 4 + 2 + 1 + 67)
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(GAMMA * 256))
    tags = {b"desc": described, b"wtpt": _xyz(WHITE), b"cprt": b"text" + bytes(4) + b"none\0"}
    for name, primary in PRIMARIES.items():
        tags |= {f"{name}XYZ".encode(): _xyz(primary), f"{name}TRC".encode(): curve}
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x12s48x", 128 + len(table) + len(body), 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp",
        _fixed(WHITE),
    )  # fmt: skip
    return header + table + body


def _xyz(colour: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(colour)


def _fixed(colour: tuple[float, float, float]) -> bytes:
    return struct.pack(">3i", *(round(value * 65536) for value in colour))
