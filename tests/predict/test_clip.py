"""The pooled answer to a clip."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dance_demo.data.illustrations import draw
from dance_demo.files.clip import NO_CLIP
from dance_demo.jobs.manager import JobLimits, JobManager
from dance_demo.jobs.progress import Progress
from dance_demo.predict.clip import ClipAnswer, classify_clip, pooled
from tests.support.clips import write_clip


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobManager]:
    jobs = JobManager(tmp_path_factory.mktemp("jobs"), name="The clip", limits=JobLimits(seconds=60, standby_s=0))
    yield jobs
    jobs.close()


def test_pooled_is_the_geometric_mean():
    probabilities = np.array([[0.8, 0.2], [0.2, 0.8], [0.5, 0.5]])
    assert pooled(probabilities) == pytest.approx([0.5, 0.5])
    many = np.array([[0.9, 0.1], [0.6, 0.4]])
    expected = np.sqrt(many.prod(axis=0))
    assert pooled(many) == pytest.approx(expected / expected.sum())


def test_a_clip_is_answered_in_a_process_of_its_own(two_dances: Path, jobs: JobManager):
    job = jobs.start(classify_clip, two_dances, None, owner="a")
    assert job.wait(60)
    assert (job.state, job.problem) == ("done", "")
    assert isinstance(job.events[0], Progress)
    answer: ClipAnswer = job.result
    assert answer.top.label == "odissi"
    assert answer.probabilities.shape == (12, 8)
    best = [answer.class_names[i] for i in answer.probabilities.argmax(axis=1)]
    assert best[:8] == ["odissi"] * 8
    assert best[8:] == ["kathak"] * 4
    shown = [(frame.prediction.label, frame.time_s < 4) for frame in answer.key_frames]
    assert shown == [("odissi", True), ("kathak", False)]  # one of each that occurs, and none twice that looks the same
    assert sum(p.probability for p in answer.predictions) == pytest.approx(1)


def test_key_frames_differ_and_a_single_frame_of_another_class_does_not_occur(tmp_path: Path):
    seeds = [*range(4, 8), 4, 4]
    pictures = [draw("odissi", seed, size=(240, 304)) for seed in seeds]
    pictures = [picture for picture in pictures for _ in range(4)]
    pictures[5] = draw("kathak", 5, size=(240, 304))
    path = write_clip(tmp_path / "clip.mp4", pictures, seconds=12, codec="libx264")
    *_, answer = classify_here(path, lambda: False)
    assert isinstance(answer, ClipAnswer)
    assert {frame.prediction.label for frame in answer.key_frames} == {"odissi"}
    assert 3 <= len(answer.key_frames) <= 4  # of four different drawings, the first of them three times


def test_what_cannot_be_read_comes_back_as_a_sentence_within_seconds(tmp_path: Path, jobs: JobManager):
    notes = tmp_path / "notes.mp4"
    notes.write_text("no clip")
    job = jobs.start(classify_clip, notes, None, owner="a")
    assert job.wait(30)
    assert (job.state, job.problem) == ("failed", f"notes.mp4: {NO_CLIP}")


def test_stop_gives_what_was_seen_until_then(two_dances: Path):
    """In this process: the work asks for the wish to stop before each picture."""
    asked = iter([False, False, False, True, True, True, True])
    *_, last = classify_here(two_dances, lambda: next(asked))
    assert isinstance(last, ClipAnswer)
    assert len(last.times_s) == 3
    assert last.remark == "Stopped before its end."


def classify_here(path: Path, stop: Callable[[], bool]) -> Iterator[Progress | ClipAnswer]:
    """The work, without the limits that it sets to its process."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("dance_demo.predict.clip._limit_resources", lambda: None)
        yield from classify_clip(path.parent, stop, path)
