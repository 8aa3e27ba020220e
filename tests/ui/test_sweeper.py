"""What visitors leave is deleted in time, whatever else goes on."""

import os
import threading
import time
from pathlib import Path

from dance_demo.ui.server.sweeper import NEW_S, Sweeper

HOUR_S = 3600.0


class Clock:
    """As many seconds as a test says."""

    later_s = 0.0

    def __call__(self) -> float:
        return 1000.0 + self.later_s


def write(folder: Path, name: str, n_bytes: int = 10) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(n_bytes))
    return path


def test_W4_a_file_stays_for_its_hour_and_goes_then_with_its_folder(tmp_path):
    clock = Clock()
    sweeper = Sweeper(tmp_path, after_s=HOUR_S, clock=clock)
    write(tmp_path, "hash/photo.jpg"), write(tmp_path, "tmpabc")
    sweeper.sweep()
    clock.later_s = HOUR_S - 60
    assert sweeper.sweep().files == 2 and sweeper.last.oldest_s == HOUR_S - 60
    clock.later_s = HOUR_S + 60
    swept = sweeper.sweep()
    assert (swept.files, swept.removed, swept.bytes) == (0, 2, 0)
    clock.later_s += NEW_S + 1
    sweeper.sweep()
    assert list(tmp_path.iterdir()) == [] and tmp_path.is_dir()


def test_C18_a_clock_that_is_set_deletes_nothing_early_and_keeps_nothing_for_days(tmp_path):
    clock = Clock()
    sweeper = Sweeper(tmp_path, after_s=HOUR_S, clock=clock)
    past, future = write(tmp_path, "a/past.jpg"), write(tmp_path, "a/future.jpg")
    os.utime(past, (0, 0)), os.utime(future, (9e9, 9e9))
    assert sweeper.sweep().files == 2
    clock.later_s = HOUR_S + 60
    assert sweeper.sweep().files == 0


def test_W4_what_still_grows_is_not_taken_from_under_who_sends_it(tmp_path):
    """A zip of 200 MB takes more than an hour on a slow line; an hour after its last piece it goes like any other."""
    clock = Clock()
    sweeper = Sweeper(tmp_path, after_s=HOUR_S, max_bytes=5, clock=clock)
    with (tmp_path / "tmpabc").open("wb") as upload:
        for quarter in range(8):
            upload.write(b"x"), upload.flush()
            clock.later_s = quarter * HOUR_S / 4
            assert sweeper.sweep().files == 1
    clock.later_s += HOUR_S + 1
    assert sweeper.sweep().files == 0


def test_another_file_of_the_same_name_has_an_hour_of_its_own(tmp_path):
    clock = Clock()
    sweeper = Sweeper(tmp_path, after_s=HOUR_S, clock=clock)
    path = write(tmp_path, "hash/photo.jpg")
    sweeper.sweep()
    clock.later_s = HOUR_S - 60
    other = write(tmp_path, "hash/other.jpg")
    os.replace(other, path)
    sweeper.sweep()
    clock.later_s = HOUR_S + 60
    assert sweeper.sweep().files == 1


def test_a_link_to_an_old_file_is_as_new_as_the_link(tmp_path):
    old = write(tmp_path / "jobs", "model.zip")
    os.utime(old, (0, 0))
    (tmp_path / "uploads" / "x").mkdir(parents=True)
    os.link(old, tmp_path / "uploads" / "x" / "model.zip")
    assert Sweeper(tmp_path / "uploads").sweep().files == 1


def test_W8_the_oldest_go_first_when_it_is_too_much_and_what_is_new_stays(tmp_path):
    clock = Clock()
    for number in range(5):
        write(tmp_path, f"{number}/photo.jpg", 1000)
        time.sleep(0.02)
    sweeper = Sweeper(tmp_path, max_bytes=3000, reserve_bytes=0, clock=clock)
    assert sweeper.sweep().files == 5, "too new to go"
    clock.later_s = NEW_S + 1
    assert sweeper.sweep().bytes == 3000
    assert sorted(path.parent.name for path in tmp_path.rglob("*.jpg")) == ["2", "3", "4"]
    assert sweeper.has_room(0) and not sweeper.has_room(1)


def test_W8_without_room_on_the_disk_nothing_more_is_taken(tmp_path):
    sweeper = Sweeper(tmp_path, reserve_bytes=1 << 60)
    assert not sweeper.has_room(1)
    sweeper.sweep()


def test_W4_files_that_come_and_go_meanwhile_stop_nothing(tmp_path):
    clock, over = Clock(), threading.Event()
    sweeper = Sweeper(tmp_path, after_s=HOUR_S, clock=clock)

    def visitor(name: str) -> None:
        number = 0
        while not over.is_set():
            path = write(tmp_path, f"{name}-{number % 50}/photo.jpg")
            if number % 3 == 0:
                path.unlink(missing_ok=True)
            number += 1

    def write_safely(name: str) -> None:
        while not over.is_set():
            try:
                visitor(name)
            except OSError:  # its folder was swept between two steps, as it may happen to a real one
                continue

    threads = [threading.Thread(target=write_safely, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    try:
        for _ in range(60):
            clock.later_s += HOUR_S + 10  # everything is old at once
            sweeper.sweep()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    for _ in range(3):
        clock.later_s += HOUR_S + 10
        sweeper.sweep()
    assert sweeper.last.files == 0 and not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_no_trouble(tmp_path):
    assert Sweeper(tmp_path / "none").sweep().files == 0
