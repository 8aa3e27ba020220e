"""Arrays of plain numbers in one file, read so that a stranger's file can do no harm.

Heads travel between people. What `write_arrays` writes is an ordinary ``.npz`` that NumPy can open; `read_arrays`
accepts nothing else, checks every size before it is believed, unpacks nothing and knows no pickle.
"""

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

MAX_FILE_BYTES = 20_000_000

_LOCAL_HEADER = struct.Struct("<4s5H3L2H")  # before each member of a zip
_ENTRY_BYTES, _END_RECORD_BYTES = 46, 22  # of the directory after all members, without names and comments
_NPY_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)"
    rb"\{'descr': '(?P<dtype><f4|\|u1)', 'fortran_order': False, "
    rb"'shape': \((?P<rows>[0-9]{1,9}),(?: (?P<columns>[0-9]{1,9}))?\), \} *\n",
    re.DOTALL,
)


def write_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The arrays (float32 or uint8, of one or two dimensions) as an uncompressed .npz. Equal arrays, equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")
            member.create_system = 3  # or Windows would write other bytes
            archive.writestr(member, _npy_bytes(array))
    return buffer.getvalue()


def read_arrays(data: bytes, names: Sequence[str], *, optional: Sequence[str] = ()) -> list[np.ndarray]:
    """The arrays called `names`, in that order, and after them the `optional` ones, all or none.

    Raises ValueError that says what is wrong with any other file.
    """
    members = _stored_members(data, [f"{name}.npy" for name in names], [f"{name}.npy" for name in optional])
    return [_array(member) for member in members]


def _stored_members(data: bytes, names: Sequence[str], optional: Sequence[str]) -> list[bytes]:
    """The members of our own uncompressed zip, read one after the other from the start of the file.

    Nothing is unpacked and nothing can overlap. The directory at the end must agree, but is not followed.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"it has {len(data):,} bytes; at most {MAX_FILE_BYTES:,} are allowed")
    members: list[bytes] = []
    starts, position = [], 0
    for name in (*names, *optional):
        if len(members) == len(names) and not data.startswith(b"PK\3\4", position):
            break  # none of the optional ones
        starts.append(position)
        member, position = _stored_member(data, position, name)
        members.append(member)
    for name, start in zip((*names, *optional)[: len(starts)], starts, strict=True):
        entry = data[position : position + _ENTRY_BYTES + len(name)]
        if not entry.startswith(b"PK\1\2") or entry[42:] != struct.pack("<I", start) + name.encode():
            raise ValueError("its list of contents is damaged, or names more than it should")
        position += len(entry)
    if not data.startswith(b"PK\5\6", position) or len(data) != position + _END_RECORD_BYTES:
        raise ValueError("it holds more than it should, or its end is cut off")
    return members


def _stored_member(data: bytes, position: int, name: str) -> tuple[bytes, int]:
    """The bytes of the member that starts at a position of the zip, and the position after it."""
    header = data[position : position + _LOCAL_HEADER.size]
    if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\3\4"):
        raise ValueError(f"{name} is missing or cut off")
    _, _, flags, method, _, _, checksum, packed, size, name_length, extra = _LOCAL_HEADER.unpack(header)
    start = position + _LOCAL_HEADER.size + name_length
    if data[start - name_length : start] != name.encode():
        raise ValueError(f"{name} is missing, or not in its place")
    if flags or method != zipfile.ZIP_STORED or packed != size or extra:
        raise ValueError(f"{name} is packed, and this app never packs it")
    member = data[start : start + size]
    if len(member) != size or zlib.crc32(member) != checksum:
        raise ValueError(f"{name} is cut off or damaged")
    return member, start + size


def _array(member: bytes) -> np.ndarray:
    """The array in one .npy member, after its header was held against the bytes that really follow it."""
    header = _NPY_HEADER.match(member)
    if header is None or int.from_bytes(header["length"], "little") != header.end() - header.end("length"):
        raise ValueError("an array in it is not of plain numbers, or its header is damaged")
    dtype = np.dtype(header["dtype"].decode())
    shape = tuple(int(size) for size in (header["rows"], header["columns"]) if size)
    if math.prod(shape) * dtype.itemsize != len(member) - header.end():
        raise ValueError(f"an array in it claims the shape {shape}, but that is not what follows")
    return np.frombuffer(member, dtype, offset=header.end()).reshape(shape)


def _npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    little_endian = array.astype(array.dtype.newbyteorder("<"))
    np.lib.format.write_array(buffer, little_endian, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()
