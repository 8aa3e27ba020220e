"""Work that yields how far it is and returns what came of it."""

from collections.abc import Generator

import pytest

from dance_demo.jobs.progress import Progress, Steps


def counting(total: int) -> Generator[Progress, None, str]:
    for done in range(1, total + 1):
        yield Progress("Counting", done, total)
    return f"counted to {total}"


def test_steps_pass_by_and_leave_a_result():
    steps = Steps(counting(3))
    assert [step.done for step in steps] == [1, 2, 3]
    assert steps.result == "counted to 3"


def test_steps_that_nobody_wants_to_hear_give_the_same_result():
    assert Steps(counting(3)).run() == "counted to 3"


def test_there_is_no_result_before_the_last_step():
    steps = Steps(counting(3))
    next(iter(steps))
    with pytest.raises(AttributeError):
        _ = steps.result
