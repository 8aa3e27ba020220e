"""The steps of `make load` with a few visitors: the script works, and what does not depend on the machine holds."""

from collections.abc import Iterator

import pytest

from tests.load.__main__ import (
    BEHIND_A_PROXY,
    burst,
    class_while_training,
    flood,
    misses,
    school_class,
    soak,
    trainings,
)
from tests.load.visitors import Crowd, summary
from tests.support.running_app import running_app

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with running_app(tmp_path_factory.mktemp("load"), *BEHIND_A_PROXY, PYTHONWARNINGS="ignore") as app:
        yield Crowd.before(app, photos=6)


def test_C5_S2_S5_C16_a_few_visitors_at_once_are_all_answered_and_told_how_long_they_wait(crowd: Crowd) -> None:
    results = {"alone": summary([crowd.visit(number) for number in range(6)])}
    results["class"] = school_class(crowd, 4, 2)
    results["burst"] = burst(crowd, 12, results["alone"]["p95_s"])
    results["flood"] = flood(crowd, 2)
    results["soak"] = soak(crowd, 20)
    results["trainings"] = trainings(crowd, 2)
    results["class while somebody trains"] = class_while_training(crowd, 2, 2)
    missed = [line for line in misses(results) if not line.startswith(("p50", "p95", "burst: normal"))]
    assert missed == [], results
    assert results["burst"]["waited_in_line"] > 0
