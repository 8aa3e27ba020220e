"""Files that appear whole or not at all."""

import errno
import os

import pytest

from dance_demo.files.atomic import draft_of, write_atomically


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_written_over_the_old_one(tmp_path, durable):
    path = tmp_path / "kept.json"
    for data in (b"first", b"second"):
        write_atomically(path, data, durable=durable)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_error_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch, step):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "kept.json"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new", durable=True)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_draft_keeps_the_suffix_and_nothing_of_a_block_that_fails(tmp_path):
    path = tmp_path / f"{'long ' * 48}.weights.h5"  # 255 letters are the most that a disk takes
    with draft_of(path) as draft:
        assert draft.name.endswith(".weights.h5") and draft.parent == tmp_path
        draft.write_bytes(b"numbers")
        assert not path.exists()
    assert path.read_bytes() == b"numbers"
    with pytest.raises(KeyboardInterrupt), draft_of(path) as draft:
        draft.write_bytes(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"numbers" and list(tmp_path.iterdir()) == [path]
