"""How large the pictures inside an AVIF or HEIC file really are, whatever its container says.

The container names a size, and decoders believe it until they have unpacked the picture: 3,441 bytes that call
themselves 600 x 600 and hold 16384 x 16384 take a gigabyte. The true size stands in each coded picture, in the sequence
header of AV1 (AV1 specification, 5.5) or the sequence parameter set of HEVC (ITU-T H.265, 7.3.2.2).

    boxes (ISO/IEC 14496-12)      meta/iloc: where each picture lies, meta/iprp/ipco: what HEVC needs to begin
                                  moov/trak/.../stco: where a moving one begins
"""

from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

from dance_demo.errors import PhotoError

MAX_PARTS = 20_000  # boxes of a file, items of a list, units of a picture
_CONTAINERS = {b"meta", b"iprp", b"ipco", b"moov", b"trak", b"mdia", b"minf", b"stbl"}
_SEQUENCE_HEADER, _PARAMETER_SET = 1, 33  # the kinds of units that tell the size
_HEADER_BYTES = 512  # of such a unit

Size = tuple[int, int]
Part = TypeVar("Part")


def check_coded_sizes(data: bytes, size: Size) -> None:
    """Raise PhotoError if a picture in the file is larger than the `size` (width, height) that its container names.

    A photo may be cut into tiles, and carry a thumbnail, transparency and a map of depths: each is smaller than it is,
    and all together are less than three times as large. Raises ValueError and IndexError as `coded_sizes` does.
    """
    sizes = coded_sizes(data)
    area = (size[0] + 64) * (size[1] + 64)  # coded in blocks of up to 64 pixels
    if (
        not sizes
        or max(w * h for w, h in sizes) > area
        or sum(w * h for w, h in sizes) > 3 * area + len(sizes) * 512**2
    ):
        found = f"it calls itself {size[0]} x {size[1]} pixels, but what it holds is larger"
        raise PhotoError(f"{found}. Save it anew as JPEG.")


def coded_sizes(data: bytes) -> list[Size]:
    """(width, height) of every coded picture whose header is found, tiles and thumbnails among them.

    Raises ValueError for a file that is put together wrongly, IndexError where it is cut.
    """
    boxes = _limited(_boxes(data, 0, len(data)))
    kinds = {kind for kind, _, _ in boxes}
    readers = [read for kind, read in ((b"av1C", _of_av1), (b"hvcC", _of_hevc)) if kind in kinds]
    inside = next((start for kind, start, _ in boxes if kind == b"idat"), 0)
    sizes: list[Size] = []
    for kind, start, end in boxes:
        if kind == b"hvcC":
            sizes += _of_parameter_sets(data[start:end])
        elif kind == b"av1C":
            sizes += _of_av1(data[start + 4 : end])
        elif kind == b"iloc":
            for pieces in _limited(_items(data[start:end], inside)):
                picture = b"".join(data[first : first + length] for first, length in pieces)
                sizes += [size for read in readers for size in read(picture)]
        elif kind in (b"stco", b"co64"):  # where a moving picture begins
            width = 4 if kind == b"stco" else 8
            first = _number(data[start + 8 : start + 8 + width])
            sizes += [size for read in readers for size in read(data[first:])[:1]]
    return sizes


def _limited(parts: Iterator[Part]) -> list[Part]:
    some = list(islice(parts, MAX_PARTS + 1))
    if len(some) > MAX_PARTS:
        raise ValueError(f"The file has more than {MAX_PARTS} parts.")
    return some


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of the content of every box, also of those inside of others."""
    while start + 8 <= end:
        size, kind, content = _number(data[start : start + 4]), data[start + 4 : start + 8], start + 8
        if size == 1:
            size, content = _number(data[start + 8 : start + 16]), start + 16
        stop = end if size == 0 else min(start + size, end)
        if stop < content:
            raise ValueError("A part of the file is shorter than its own header.")
        yield kind, content, stop
        if kind in _CONTAINERS:
            yield from _boxes(data, content + (4 if kind == b"meta" else 0), stop)
        start = stop


def _items(iloc: bytes, inside: int) -> Iterator[list[Size]]:
    """The pieces of each item, as (start, length) in the file; `inside` is where the box of small items begins."""
    version, at = iloc[0], 0

    def number(n_bytes: int) -> int:
        nonlocal at
        at += n_bytes
        if at > len(iloc):
            raise IndexError("the list of pictures is cut")
        return _number(iloc[at - n_bytes : at])

    number(4)
    sizes = number(2)
    offset_bytes, length_bytes, base_bytes = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_bytes = sizes & 15 if version else 0
    id_bytes = 4 if version == 2 else 2
    for _ in range(number(id_bytes)):
        number(id_bytes)
        method = number(2) & 15 if version else 0
        if method > 1:
            raise ValueError("A picture lies inside of another one.")
        number(2)  # which file: only this one
        base, pieces = number(base_bytes) + (inside if method else 0), []
        for _ in range(number(2)):
            number(index_bytes)
            start = base + number(offset_bytes)
            pieces.append((start, number(length_bytes) or 1 << 40))  # 0: up to the end
        yield pieces


# --- AV1 -----------------------------------------------------------------------------------------------------


def _of_av1(data: bytes) -> list[Size]:
    """Of the sequence headers among the units of a picture; nothing if it is something else, EXIF for example."""
    sizes, at = [], 0
    for _ in range(MAX_PARTS):
        if at >= len(data):
            break
        header = data[at]
        if header & 0x80:  # the forbidden bit
            break
        at += 2 if header & 4 else 1
        length = len(data) - at
        if header & 2:
            length, at = _leb128(data, at)
        if header >> 3 & 15 == _SEQUENCE_HEADER:
            sizes.append(_av1_size(_Bits(data[at : at + min(length, _HEADER_BYTES)])))
        at += length
    return sizes


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 56, 7):
        value |= (data[at] & 127) << shift
        at += 1
        if not data[at - 1] & 128:
            return value, at
    raise ValueError("A length has no end.")


def _av1_size(bits: "_Bits") -> Size:
    bits.read(3)  # profile
    bits.read(1)  # still picture
    if bits.read(1):  # reduced header
        bits.read(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(width_bits) + 1, bits.read(height_bits) + 1


def _skip_operating_points(bits: "_Bits") -> None:
    decoder_model, delay_bits = False, 0
    if bits.read(1):  # timing
        bits.read(64)
        if bits.read(1):
            bits.exponential()
        if decoder_model := bool(bits.read(1)):
            delay_bits = bits.read(5) + 1
            bits.read(42)
    delays = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > 7:
            bits.read(1)
        if decoder_model and bits.read(1):
            bits.read(2 * delay_bits + 1)
        if delays and bits.read(1):
            bits.read(4)


# --- HEVC ----------------------------------------------------------------------------------------------------


def _of_parameter_sets(hvcc: bytes) -> list[Size]:
    """The sizes in the parameter sets of a configuration."""
    sizes, at = [], 23
    for _ in range(hvcc[22]):
        kind, count = hvcc[at] & 63, _number(hvcc[at + 1 : at + 3])
        at += 3
        for _ in range(count):
            length = _number(hvcc[at : at + 2])
            if kind == _PARAMETER_SET:
                sizes.append(_hevc_size(hvcc[at + 2 : at + 2 + min(length, _HEADER_BYTES)]))
            at += 2 + length
    return sizes


def _of_hevc(data: bytes) -> list[Size]:
    """Of the parameter sets among the units of a picture, each after its length in four bytes."""
    sizes, at = [], 0
    for _ in range(MAX_PARTS):
        length = _number(data[at : at + 4])
        if length < 2 or at + 6 > len(data):
            break
        if data[at + 4] >> 1 & 63 == _PARAMETER_SET:
            sizes.append(_hevc_size(data[at + 4 : at + 4 + min(length, _HEADER_BYTES)]))
        at += 4 + length
    return sizes


def _hevc_size(unit: bytes) -> Size:
    bits = _Bits(unit[2:].replace(b"\0\0\3", b"\0\0"))  # without the bytes that only keep start codes away
    bits.read(4)
    layers = bits.read(3)
    bits.read(1 + 96)  # nesting; profile, tier and level
    levels = [(bits.read(1), bits.read(1)) for _ in range(layers)]
    if layers:
        bits.read(2 * (8 - layers))
    for profile, level in levels:
        bits.read(88 * profile + 8 * level)
    bits.exponential()
    if bits.exponential() == 3:
        bits.read(1)
    return bits.exponential(), bits.exponential()


class _Bits:
    """Reads numbers of some bits each; IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = _number(data), 8 * len(data)

    def read(self, n: int) -> int:
        if n > self._left:
            raise IndexError("the header is cut")
        self._left -= n
        return self._value >> self._left & ((1 << n) - 1)

    def exponential(self) -> int:
        """An Exp-Golomb number: as many zeros as bits follow the one."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("A number has no end.")
        return (1 << zeros) - 1 + self.read(zeros)
