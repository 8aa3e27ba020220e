"""The line of waiting jobs: its order, and what it expects."""

from dataclasses import dataclass

import pytest

from dance_demo.jobs.queue import UNKNOWN_JOB_S, JobQueue


@dataclass(eq=False)
class Entry:
    kind: str = "a"
    seconds: float = 0.0
    origin: str = ""


def test_the_first_to_come_is_the_first_to_run_and_as_many_as_may():
    queue, jobs = JobQueue(at_once=2), [Entry() for _ in range(4)]
    queue.waiting.extend(jobs)
    assert [queue.position(job) for job in jobs] == [1, 2, 3, 4]
    assert [queue.next() for _ in range(3)] == [jobs[0], jobs[1], None]
    assert [queue.position(job) for job in jobs] == [0, 0, 1, 2]
    queue.waiting.remove(jobs[2])
    queue.done(jobs[0], took_s=None)
    assert queue.next() is jobs[3] and queue.running == [jobs[1], jobs[3]]


def test_W7_one_job_of_each_origin_is_taken_and_then_the_second_of_each():
    queue = JobQueue(at_once=1)
    bad = [Entry(origin="bad") for _ in range(4)]
    for job in bad[:3]:
        queue.join(job)
    assert queue.next() is bad[0]
    honest = [Entry(origin="one"), Entry(origin="two"), Entry(origin="one")]
    for job in honest:
        queue.join(job)
    queue.join(bad[3])
    assert queue.waiting == [honest[0], honest[1], bad[1], honest[2], bad[2], bad[3]]


def test_the_expected_wait_is_what_is_left_of_those_before_shared_by_those_side_by_side():
    queue = JobQueue(at_once=2)
    for kind, took_s in (("a", 10.0), ("a", 30.0), ("b", 4.0)):
        queue.waiting.append(earlier := Entry(kind))
        queue.next()
        queue.done(earlier, took_s=took_s)
    running, late = Entry("a", seconds=5.0), Entry("b", seconds=9.0)
    waiting = [Entry("a"), Entry("b"), Entry("unknown"), Entry("a")]
    queue.waiting.extend([running, late, *waiting])
    assert (queue.next(), queue.next()) == (running, late)
    expected_s = [15 / 2, (15 + 20) / 2, (15 + 20 + 4) / 2, (15 + 20 + 4 + UNKNOWN_JOB_S) / 2]
    assert [queue.expected_wait_s(job) for job in waiting] == pytest.approx(expected_s)
    assert queue.expected_wait_s(running) == 0
