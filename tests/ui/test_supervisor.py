"""What runs in the background is watched, started again, and told."""

import logging
import threading
import time

from dance_demo.ui.server.supervisor import Supervisor


def wait_until(true, timeout_s: float = 10) -> None:
    until_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def test_W4_a_task_that_fails_goes_on_and_is_logged_once(caplog):
    rounds = []

    def sometimes() -> None:
        rounds.append(len(rounds))
        if 2 <= len(rounds) <= 5:
            raise RuntimeError("Set changed size during iteration")

    supervisor = Supervisor()
    supervisor.every(0.01, sometimes, name="sweeper")
    with caplog.at_level(logging.ERROR):
        supervisor.start()
        wait_until(lambda: len(rounds) > 8)
    supervisor.close()
    report = supervisor.report()["sweeper"]
    assert report.failures == 4 and report.in_a_row == 0 and report.well
    assert [record.message for record in caplog.records] == ["sweeper failed; it is tried again every 0.01 s"]


def test_all_is_well_only_while_every_task_is():
    broken = threading.Event()

    def work() -> None:
        if broken.is_set():
            raise OSError("disk full")

    supervisor = Supervisor()
    supervisor.every(0.01, work, name="one")
    supervisor.every(0.01, lambda: None, name="two")
    supervisor.start()
    wait_until(lambda: supervisor.report()["one"].rounds > 1)
    assert supervisor.well()
    broken.set()
    wait_until(lambda: not supervisor.well())
    broken.clear()
    wait_until(supervisor.well)
    supervisor.close()


def test_W4_a_task_that_hangs_is_late():
    go_on = threading.Event()
    supervisor = Supervisor()
    supervisor.every(0.01, lambda: go_on.wait(20), name="queue", patience_s=0.1)
    supervisor.start()
    wait_until(lambda: supervisor.report()["queue"].late_s > 0)
    assert not supervisor.well()
    go_on.set()
    wait_until(supervisor.well)
    supervisor.close()
