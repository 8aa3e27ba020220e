"""Jobs: real child processes, stopped, killed and abandoned at every moment; nothing may stay behind or mix."""

import itertools
import logging
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from dance_demo.data.dataset import open_dataset
from dance_demo.data.illustrations import draw_dataset
from dance_demo.errors import DanceDemoError, TrainingError
from dance_demo.jobs.job import Job
from dance_demo.jobs.manager import JobLimits, JobManager
from dance_demo.training.config import TrainingConfig
from dance_demo.training.train import train
from tests.support import ROOT
from tests.support import job_works as works

LONG_S = 30.0  # for what takes a moment, on a busy machine
STOPPED_S = 2.0
UNEXPECTED = "Training stopped unexpectedly; nothing was changed."
MANY = 20


def children() -> set[psutil.Process]:
    """Those of jobs; other tests may have a browser and an app with jobs of its own running beside them."""
    return {child for child in psutil.Process().children() if "dance_demo.jobs.worker" in command(child)}


def command(process: psutil.Process) -> list[str]:
    """How it was started; nothing for one that has ended."""
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def gone(process: psutil.Process) -> bool:
    """Whether it ended; that of an orphan is noted by the system's first process, which may take its time."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def until(true: Callable[[], object], *, within_s: float = LONG_S) -> bool:
    """Wait for something to become true; returns whether it did."""
    end_s = time.monotonic() + within_s
    while not (result := bool(true())) and time.monotonic() < end_s:
        time.sleep(0.01)
    return result


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., JobManager]]:
    """Makes `JobManager` and afterwards sees to it that nothing stayed: no process, no thread, no file."""
    made, before, threads = [], children(), set(threading.enumerate())

    def make(**settings: object) -> JobManager:
        made.append(JobManager(tmp_path / "jobs", **settings))
        return made[-1]

    yield make
    for jobs in made:
        jobs.close()
    assert children() <= before
    assert [path.name for path in (tmp_path / "jobs").iterdir()] in ([], ["jobs.lock"])
    assert until(lambda: set(threading.enumerate()) <= threads, within_s=STOPPED_S)


@pytest.fixture
def jobs(make: Callable[..., JobManager]) -> JobManager:
    return make()


def run(jobs: JobManager, *task: object, owner: str = "a", within_s: float = LONG_S, about: object = None) -> Job:
    job = jobs.start(*task, owner=owner, about=about)
    assert job.wait(within_s)
    return job


def started(job: Job) -> Job:
    assert until(lambda: job.events)
    return job


def files_of(jobs: JobManager) -> list[str]:
    return [str(path.relative_to(jobs.directory)) for path in jobs.directory.rglob("*")]


# What a job is


def test_events_arrive_in_order_and_the_last_is_the_result(jobs):
    job = run(jobs, works.count, 500)
    assert (job.state, job.problem, job.position) == ("done", "", 0)
    assert job.events == tuple(range(500))
    assert job.result == 499
    assert len(list(job.directory.iterdir())) == 500
    assert 0 < job.seconds < LONG_S


def test_the_work_runs_in_a_light_process_of_its_own_that_steps_back(jobs):
    seen = run(jobs, works.look_around).result
    assert seen["pid"] == seen["group"] != os.getpid()
    assert seen["niceness"] > os.nice(0)
    assert seen["main"] == "dance_demo.jobs.worker"
    assert not {"gradio", "app", "numpy", "pytest", "tensorflow", "multiprocessing"} & seen["modules"]
    assert 1 <= int(seen["threads"]) <= os.cpu_count()
    assert seen["input"] == ""


def test_a_job_has_a_private_folder_and_its_temporary_files_go(jobs):
    job = run(jobs, works.look_around)
    seen = job.result
    assert seen["directory"] == str(job.directory)
    assert Path(seen["scratch"]).is_relative_to(jobs.directory)
    assert not Path(seen["scratch"]).exists()
    for folder in (jobs.directory, job.directory.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_ids_cannot_be_guessed_and_only_they_find_a_job(jobs):
    found = [run(jobs, works.count, 1) for _ in range(3)]
    assert len({job.id for job in found}) == 3 and all(len(job.id) >= 32 for job in found)
    assert jobs.find(found[0].id) is found[0]
    for wrong in (None, "", "0" * 32, found[0].id[:-1], ["x"], {"id": found[0].id}):
        assert jobs.find(wrong) is None


def test_what_libraries_print_and_read_disturbs_nobody(jobs, capfd):
    assert run(jobs, works.print_much).events == ("printed",)
    assert capfd.readouterr() == ("", "")


def test_a_job_keeps_what_it_is_about_and_its_child_never_hears_of_it(jobs):
    about = threading.Lock()  # cannot travel
    job = run(jobs, works.count, 1, about=about)
    assert job.about is about is jobs.find(job.id).about
    assert run(jobs, works.count, 1).about is None


def test_progress_takes_the_place_of_earlier_progress(jobs):
    job = run(jobs, works.progress, 50)
    assert job.events == ("embedding", works.Progress("counting", 49), "fitting", works.Progress("counting", 49))


def test_of_very_many_events_the_latest_are_kept(make):
    job = run(make(limits=JobLimits(events=10)), works.count, 500)
    assert job.events == tuple(range(490, 500))


# What goes wrong


def test_an_error_of_the_user_arrives_as_its_sentence(jobs, caplog):
    job = run(jobs, works.user_error)
    assert (job.state, job.problem) == ("failed", "kathak/IMG_2.heic: not a photo. Convert it.")
    assert (job.events, job.result) == ((1,), None)
    assert not caplog.records


def test_S10_our_own_error_is_neutral_for_people_and_safe_in_the_log(jobs, caplog):
    job = run(jobs, works.our_error, "kathak\nERROR all is lost\x1b[31m")
    assert (job.state, job.problem) == ("failed", UNEXPECTED)
    text = caplog.text
    assert "our_error" in text and "KeyError" in text
    assert "\x1b" not in text and "\nERROR all" not in text


def test_an_event_that_cannot_travel_is_our_error(jobs, caplog):
    job = run(jobs, works.unpicklable)
    assert (job.state, job.problem, job.events) == ("failed", UNEXPECTED, (1,))
    assert "lambda" in caplog.text


def test_arguments_that_cannot_travel_are_refused_at_once_and_leave_nothing(jobs):
    with pytest.raises(Exception, match="(?i)pickle|local object"):
        jobs.start(works.count, lambda: 1, owner="a")
    assert files_of(jobs) == []
    assert run(jobs, works.count, 1).state == "done"


def test_C10_a_child_that_vanishes_is_a_sentence_and_a_line_in_the_log(jobs, caplog):
    job = run(jobs, works.vanish)
    assert (job.state, job.problem, job.result) == ("failed", UNEXPECTED, None)
    assert "ended with 3" in caplog.text and "last \\x1b[31mwords" in caplog.text
    assert files_of(jobs) == []


def test_C10_a_killed_child_is_noticed_within_a_second(jobs):
    job = started(jobs.start(works.deaf, owner="a"))
    (child,) = children()
    killed_s = time.monotonic()
    child.kill()
    assert job.wait(LONG_S)
    assert time.monotonic() - killed_s < 1.0
    assert (job.state, job.problem) == ("failed", UNEXPECTED)


@pytest.mark.slow
def test_C10_a_child_killed_at_any_moment_leaves_a_sentence_and_nothing_else(make):
    """20 moments between 0 and 0.6 s after the start, seed 0: also before the child can say or do anything."""
    jobs, generator = make(), random.Random(0)
    for _ in range(MANY):
        job = jobs.start(works.deaf, owner="a")
        time.sleep(generator.uniform(0, 0.6))
        assert until(children)
        for child in children():
            child.kill()
        assert job.wait(1.0)
        assert (job.state, job.problem, job.result) == ("failed", UNEXPECTED, None)
        assert not children() and files_of(jobs) == []
    assert run(jobs, works.count, 3).state == "done"


def test_what_a_killed_child_had_started_goes_with_it(jobs):
    job = started(jobs.start(works.with_children, owner="a"))
    grandchild = psutil.Process(job.events[0])
    grandchild.parent().kill()
    assert job.wait(LONG_S) and job.state == "failed"
    assert until(lambda: gone(grandchild), within_s=STOPPED_S)


def test_C9_a_job_that_takes_too_much_memory_ends_and_the_server_does_not(make):
    jobs = make(limits=JobLimits(memory_bytes=150_000_000))
    job = run(jobs, works.eat_memory, 2_000_000_000)
    assert (job.state, job.problem) == ("failed", "Data set too large for this server.")
    assert files_of(jobs) == []
    assert run(jobs, works.count, 1).state == "done"


def test_C9_running_out_of_memory_says_the_same(jobs):
    assert run(jobs, works.out_of_memory).problem == "Data set too large for this server."


def test_a_job_that_takes_too_long_is_ended(make):
    job = run(make(limits=JobLimits(seconds=1)), works.deaf)
    assert job.state == "failed" and "longer than this server allows (1 seconds)" in job.problem
    assert job.seconds < 1 + STOPPED_S


def test_C8_a_full_disk_is_a_sentence(jobs):
    job = run(jobs, works.full_disk)
    assert (job.state, job.problem) == ("failed", "No space left on the server; try later.")
    assert files_of(jobs) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_C8_a_really_full_disk_is_the_same_sentence(jobs, tmp_path):
    (tmp_path / "big").symlink_to("/dev/full")
    assert run(jobs, works.fill, tmp_path).problem == "No space left on the server; try later."


def test_C8_where_no_folder_can_be_made_no_job_starts(jobs):
    shutil.rmtree(jobs.directory)
    with pytest.raises(TrainingError, match="No space left|cannot write"):
        jobs.start(works.count, 1, owner="a")
    assert jobs.active("a") is None


# Stopping


def test_C1_a_stopped_job_may_keep_its_best(jobs):
    job = started(jobs.start(works.until_stopped, owner="a"))
    job.stop()
    job.stop()
    assert job.wait(STOPPED_S)
    assert (job.state, job.result, job.problem) == ("stopped", "the best so far", "")
    assert (job.directory / "best.txt").read_text() == "the best so far"


def test_one_whose_parts_take_long_is_given_time_to_keep_its_best(jobs):
    job = started(jobs.start(works.slow_to_stop, owner="a"))
    job.stop(grace_s=LONG_S)
    assert job.wait(LONG_S)
    assert (job.state, job.result, job.problem) == ("stopped", "the best so far", "")


def test_C1_one_that_does_not_listen_is_killed_and_leaves_nothing(jobs):
    job = started(jobs.start(works.deaf, owner="a"))
    asked_s = time.monotonic()
    job.stop()
    assert time.monotonic() - asked_s < 0.5, "the page must not wait for it"
    assert job.wait(STOPPED_S)
    assert time.monotonic() - asked_s < STOPPED_S
    assert (job.state, job.result, job.problem) == ("stopped", None, "")
    assert not children() and files_of(jobs) == []


def test_one_that_is_stopped_for_good_leaves_nothing_though_it_saves_its_best(jobs):
    job = started(jobs.start(works.until_stopped, owner="a"))
    job.stop()
    job.stop(keep=False)
    assert job.wait(STOPPED_S)
    assert (job.state, job.result, job.problem) == ("stopped", None, "")
    assert files_of(jobs) == []


def test_one_that_is_asked_to_finish_early_is_done_with_what_it_has_however_long_that_takes(jobs, monkeypatch):
    monkeypatch.setattr("dance_demo.jobs.job.GRACE_S", 0.0)
    job = started(jobs.start(works.until_stopped, owner="a"))
    job.finish_early()
    job.finish_early()
    assert job.wait(LONG_S)
    assert (job.state, job.result, job.problem) == ("done", "the best so far", "")
    assert (job.directory / "best.txt").exists()
    job.finish_early()  # too late, and no harm
    assert job.state == "done"


def test_one_may_be_asked_to_finish_early_before_it_has_begun(jobs, tmp_path):
    running, waiting = (jobs.start(works.until_stopped, owner=owner) for owner in "ab")
    waiting.finish_early()
    assert waiting.wait(0) and (waiting.state, waiting.result) == ("stopped", None)
    running.finish_early()
    assert running.wait(LONG_S) and (running.state, running.result) == ("done", "the best so far")


@pytest.mark.slow
def test_C1_stop_ends_within_two_seconds_at_any_moment(make):
    """20 moments between 0 and 0.6 s after the start, seed 1, half of the jobs deaf."""
    jobs, generator, took_s = make(), random.Random(1), []
    for work in itertools.islice(itertools.cycle((works.deaf, works.until_stopped)), MANY):
        job = jobs.start(work, owner="a")
        time.sleep(generator.uniform(0, 0.6))
        asked_s = time.monotonic()
        job.stop()
        assert job.wait(LONG_S)
        took_s.append(time.monotonic() - asked_s)
        assert job.state == "stopped"
        assert not children()
    assert max(took_s) < STOPPED_S, took_s


def test_a_job_that_has_told_nothing_yet_is_stopped_at_once(jobs):
    job = jobs.start(works.silent, owner="a")
    assert until(children)
    asked_s = time.monotonic()
    job.stop()
    assert job.wait(LONG_S) and job.state == "stopped"
    assert time.monotonic() - asked_s < 1.0


@pytest.mark.slow
def test_C1_trainings_stopped_or_killed_at_any_moment_spoil_no_later_one(make, tiny_model, tmp_path, monkeypatch):
    """Real trainings, 5 stopped and 5 killed, seed 2: afterwards the same seed gives the same head, bit for bit."""
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    draw_dataset(tmp_path / "drawings", per_class=8)
    dataset, _ = open_dataset(tmp_path / "drawings", workspace=tmp_path / "workspace")
    jobs, generator, config = make(), random.Random(2), TrainingConfig(epochs=30, backbone="dance")
    undisturbed = run(jobs, train, dataset, config, tmp_path / "a cache", within_s=300)
    for turn in range(10):
        job = jobs.start(train, dataset, config, tmp_path / "cache", owner="a")
        job.wait(generator.uniform(0, undisturbed.seconds))
        job.stop() if turn % 2 else [child.kill() for child in children()]
        assert job.wait(STOPPED_S)
        assert not children()
    later = run(jobs, train, dataset, config, tmp_path / "cache", within_s=300)
    heads = [(job.result.model / "head.npz").read_bytes() for job in (undisturbed, later)]
    assert heads[0] == heads[1]
    assert not [path for path in (tmp_path / "cache").rglob("*") if "tmp" in path.name or "draft" in path.name]


def test_a_finished_job_cannot_be_stopped_any_more(jobs):
    job = run(jobs, works.count, 2)
    job.stop()
    assert (job.state, job.result) == ("done", 1)


# Several at a time


@pytest.mark.slow
def test_C3_two_owners_never_see_anything_of_each_other(make):
    jobs = make(at_once=2)
    for turn in range(MANY):
        numbers = {"a": tuple(range(turn, turn + 20)), "b": tuple(range(1000 + turn, 1020 + turn))}
        both = {owner: jobs.start(works.own_numbers, owner, n, owner=owner) for owner, n in numbers.items()}
        for owner, job in both.items():
            assert job.wait(LONG_S)
            assert job.result == works.Result(owner, numbers[owner])
            assert job.events[:-1] == tuple((owner, number) for number in numbers[owner])
            assert [path.name for path in job.directory.iterdir()] == [owner]
            assert jobs.find(job.id).owner == owner


def test_C3_the_others_wait_in_order_and_see_their_position(jobs, tmp_path):
    gate = tmp_path / "gate"
    first = started(jobs.start(works.wait_for, gate, owner="0"))
    others = [jobs.start(works.wait_for, gate, owner=str(n)) for n in range(1, 5)]
    assert [job.position for job in (first, *others)] == [0, 1, 2, 3, 4]
    assert [job.state for job in (first, *others)] == ["running"] + 4 * ["waiting"]
    waits_s = [job.expected_wait_s for job in others]
    assert waits_s[0] > 0 and waits_s == sorted(waits_s) and first.expected_wait_s == 0
    others[1].stop()
    assert others[1].wait(0) and (others[1].state, others[1].seconds) == ("stopped", 0)
    assert not others[1].directory.parent.exists()
    assert [job.position for job in others] == [1, 0, 2, 3]
    gate.touch()
    assert all(job.wait(LONG_S) for job in others)
    done = [first, others[0], *others[2:]]
    assert [job.state for job in done] == 4 * ["done"]
    assert [job.finished_s for job in done] == sorted(job.finished_s for job in done)


def test_the_expected_wait_learns_from_earlier_jobs(jobs, tmp_path):
    gate = tmp_path / "gate"
    running, waiting = (jobs.start(works.wait_for, gate, owner=owner) for owner in "ab")
    unknown_s = waiting.expected_wait_s
    gate.touch()
    assert running.wait(LONG_S) and waiting.wait(LONG_S)
    gate.unlink()
    _, waiting = (jobs.start(works.wait_for, gate, owner=owner) for owner in "ab")
    assert waiting.expected_wait_s < unknown_s / 2
    gate.touch()


def test_C4_a_second_start_of_the_same_owner_is_refused(jobs, tmp_path):
    job = started(jobs.start(works.wait_for, tmp_path / "gate", owner="a"))
    assert jobs.active("a") is job and jobs.active("b") is None
    with pytest.raises(TrainingError, match="One of yours is running already. Stop it"):
        jobs.start(works.count, 1, owner="a")
    waiting = jobs.start(works.count, 1, owner="b")
    with pytest.raises(TrainingError, match="One of yours is waiting already. Stop it"):
        jobs.start(works.count, 1, owner="b")
    job.stop()
    assert job.wait(LONG_S) and waiting.wait(LONG_S)
    assert run(jobs, works.count, 1).state == "done"


def test_S5_the_line_has_an_end(make, tmp_path):
    jobs = make(limits=JobLimits(waiting=2))
    for owner in "abc":
        jobs.start(works.wait_for, tmp_path / "gate", owner=owner)
    with pytest.raises(TrainingError, match="2 others are waiting already"):
        jobs.start(works.count, 1, owner="d")
    assert jobs.active("d") is None


def test_S5_W7_one_origin_has_a_share_of_the_line_and_no_more(make, tmp_path):
    jobs = make(limits=JobLimits(waiting=8, origin_share=0.25))
    for number in range(3):
        jobs.start(works.wait_for, tmp_path / "gate", owner=f"made up {number}", origin="192.0.2.1")
    with pytest.raises(TrainingError, match="2 from your address are waiting already"):
        jobs.start(works.count, 1, owner="made up 3", origin="192.0.2.1")
    honest = jobs.start(works.count, 1, owner="honest", origin="192.0.2.2")
    assert honest.position == 1, "the others of that address come after"


def test_C8_a_disk_that_is_nearly_full_starts_no_job(make):
    jobs = make(limits=JobLimits(disk_reserve_bytes=1 << 60))
    with pytest.raises(TrainingError, match="No space left"):
        jobs.start(works.count, 1, owner="a")
    assert files_of(jobs) == []


def test_S4_W8_the_files_of_finished_jobs_are_bounded_in_all_and_the_one_nobody_asks_for_goes_first(make):
    jobs = make(limits=JobLimits(disk_bytes=250_000))
    made = [run(jobs, works.write, 100_000, owner=owner) for owner in "abc"]
    assert until(lambda: not made[0].directory.exists()), "looked at, not asked for: to ask would put another one first"
    assert [bool(jobs.find(job.id)) for job in made] == [False, True, True]
    assert made[2].disk_bytes == 100_000


def test_what_looks_after_jobs_goes_on_whatever_happens(jobs, monkeypatch, caplog):
    failures = iter([OSError("odd"), KeyError("odd")])
    check = jobs._standby.check
    monkeypatch.setattr(
        jobs._standby, "check", lambda: (_ for _ in ()).throw(e) if (e := next(failures, None)) else check()
    )
    assert until(lambda: caplog.text.count("could not be checked") == 2)
    abandoned = run(jobs, works.count, 1)
    abandoned.last_asked_s = abandoned.finished_s = -1e9
    assert until(lambda: not jobs._known)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="Windows stops no process")
def test_C10_a_child_that_was_halted_from_outside_is_stopped_all_the_same(jobs):
    job = started(jobs.start(works.until_stopped, owner="a"))
    (child,) = [process for process in children() if "worker" in " ".join(process.cmdline())]
    child.send_signal(signal.SIGSTOP)
    job.stop()
    assert job.wait(3) and job.state == "stopped" and jobs.active("a") is None


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="Windows stops no process")
def test_C10_a_child_that_was_halted_from_outside_holds_the_line_up_no_longer_than_a_job_may(make):
    jobs = make(limits=JobLimits(seconds=3))
    halted = started(jobs.start(works.until_stopped, owner="a"))
    next(iter(children())).send_signal(signal.SIGSTOP)
    other = jobs.start(works.count, 1, owner="b")
    assert halted.wait(LONG_S) and "longer than this server allows" in halted.problem
    assert other.wait(LONG_S) and other.state == "done"


def test_two_may_run_side_by_side(make, tmp_path):
    jobs = make(at_once=2)
    both = [started(jobs.start(works.wait_for, tmp_path / "gate", owner=owner)) for owner in "ab"]
    assert [job.state for job in both] == ["running", "running"]
    assert jobs.start(works.count, 1, owner="c").position == 1
    (tmp_path / "gate").touch()
    assert all(job.wait(LONG_S) for job in both)


# Forgetting and leaving


def test_a_finished_job_is_kept_while_somebody_asks_for_it(make):
    jobs = make(limits=JobLimits(kept_s=1.0))
    asked, abandoned = run(jobs, works.count, 1), run(jobs, works.count, 1)
    end_s = time.monotonic() + 2.5
    while time.monotonic() < end_s:
        assert jobs.find(asked.id) is asked
        time.sleep(0.1)
    assert jobs.find(abandoned.id) is None
    assert not abandoned.directory.exists() and asked.directory.exists()


def test_C2_a_running_job_that_nobody_watches_comes_to_its_end(make, tmp_path):
    jobs, gate = make(limits=JobLimits(kept_s=0.5)), tmp_path / "gate"
    running, waiting = (jobs.start(works.wait_for, gate, owner=owner) for owner in "ab")
    time.sleep(1.0)
    assert running.state == "running"
    assert waiting.state == "stopped" and jobs.find(waiting.id) is None
    gate.touch()
    assert running.wait(LONG_S) and running.result == "through"
    assert until(lambda: not running.directory.exists())


def test_of_one_owner_the_latest_jobs_are_kept(make):
    jobs = make(limits=JobLimits(kept_per_owner=2))
    other = run(jobs, works.count, 1, owner="b")
    mine = [run(jobs, works.count, 1) for _ in range(4)]
    assert [jobs.find(job.id) for job in mine] == [None, None, *mine[2:]]
    assert [job.directory.exists() for job in mine] == [False, False, True, True]
    assert jobs.find(other.id) is other


def test_jobs_that_failed_push_nothing_out_that_came_to_something(make):
    jobs = make(limits=JobLimits(kept_per_owner=2))
    good = run(jobs, works.count, 1)
    failed = [run(jobs, works.user_error) for _ in range(3)]
    assert [jobs.find(job.id) for job in (good, *failed)] == [good, None, None, failed[-1]]


def test_a_job_can_be_forgotten_at_once_when_it_is_finished(jobs):
    job = started(jobs.start(works.until_stopped, owner="a"))
    with pytest.raises(ValueError, match="running"):
        jobs.forget(job)
    job.stop()
    assert job.wait(STOPPED_S)
    jobs.forget(job)
    assert jobs.find(job.id) is None and files_of(jobs) == []


def test_closing_ends_everything(make):
    jobs = make()
    running = started(jobs.start(works.deaf, owner="a"))
    waiting = jobs.start(works.count, 1, owner="b")
    jobs.warm("json")
    jobs.close()
    jobs.close()
    assert (running.state, waiting.state) == ("failed", "stopped")
    assert not children() and not jobs.directory.exists()
    with pytest.raises(TrainingError, match="closed"):
        jobs.start(works.count, 1, owner="a")
    jobs.warm("json")
    assert not children()


SERVER = """
import sys
import time
from pathlib import Path
from dance_demo.jobs.manager import JobManager
from tests.support import job_works as works

jobs = JobManager(Path(sys.argv[1]))
job = jobs.start(works.with_children, owner="a")
while not job.events:
    time.sleep(0.01)
jobs.warm("json")
print(job.events[0], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen]:
    """Another server process, with one job that runs, whose child has a child, and one child that stands by."""
    command = [sys.executable, "-c", SERVER, str(tmp_path / "jobs")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def family(server: subprocess.Popen) -> list[psutil.Process]:
    """The server's child with the job, that child's child, and the one that stands by, once they are all there."""
    server.stdout.readline()
    found = psutil.Process(server.pid).children(recursive=True)
    assert len(found) == 3
    return found


def test_a_server_that_is_killed_takes_its_jobs_along_and_the_next_one_cleans_up(server, make, tmp_path):
    found = family(server)
    (left,) = (path for path in (tmp_path / "jobs").iterdir() if path.is_dir())
    server.send_signal(signal.SIGKILL)
    assert until(lambda: all(map(gone, found)), within_s=STOPPED_S)
    assert left.exists()
    jobs = make()
    assert not left.exists()
    assert run(jobs, works.count, 1).state == "done"


def test_a_server_that_ends_leaves_nothing(server, tmp_path):
    found = family(server)
    server.communicate("", timeout=LONG_S)
    assert server.returncode == 0
    assert until(lambda: all(map(gone, found)), within_s=STOPPED_S)
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["jobs.lock"]


def test_servers_side_by_side_leave_each_others_jobs_alone(make, server, tmp_path):
    found = family(server)
    first = make()
    job = run(first, works.count, 1)
    second = make()
    assert run(second, works.count, 1).directory.exists() and job.directory.exists()
    assert all(process.is_running() for process in found)
    assert len([path for path in (tmp_path / "jobs").iterdir() if path.is_dir()]) == 3
    server.communicate("", timeout=LONG_S)


# Standing by


def test_a_child_that_stands_by_has_its_modules_imported_and_takes_the_next_job(jobs):
    assert run(jobs, works.is_imported, "sqlite3").result[1] is False
    jobs.warm("sqlite3")
    jobs.warm("sqlite3")
    (child,) = children()
    assert run(jobs, works.is_imported, "sqlite3").result == (child.pid, True)
    assert until(lambda: len(children()) == 1), "another one stands by for the next job"
    (next_child,) = children()
    assert next_child.pid != child.pid
    assert run(jobs, works.is_imported, "sqlite3").result == (next_child.pid, True)


def test_a_child_stands_by_for_other_modules_in_place_of_the_one_before(jobs):
    jobs.warm("sqlite3")
    jobs.warm("json", "no_such_module_anywhere", "decimal")
    (child,) = children()
    assert run(jobs, works.is_imported, "decimal").result == (child.pid, True)


def test_a_child_that_died_while_standing_by_is_replaced(jobs):
    jobs.warm("json")
    (child,) = children()
    child.kill()
    assert until(lambda: gone(child))
    assert run(jobs, works.count, 3).state == "done"


def test_a_child_stands_by_for_a_limited_time_and_not_at_all_if_unwanted(make):
    brief = make(limits=JobLimits(standby_s=0.5))
    brief.warm("json")
    assert children()
    assert until(lambda: not children(), within_s=STOPPED_S)
    never = make(limits=JobLimits(standby_s=0))
    never.warm("json")
    assert not children()
    assert run(never, works.count, 1).state == "done"


# Settings


@pytest.mark.parametrize("name", ["seconds", "memory_bytes", "waiting", "events", "kept_s", "kept_per_owner"])
def test_limits_are_checked_when_they_are_made(name):
    for wrong in (0, -1):
        with pytest.raises(ValueError, match=f"{name} must be positive. Received: {wrong}"):
            replace(JobLimits(), **{name: wrong})
    with pytest.raises(ValueError, match="at_once must be at least 1. Received: 0"):
        JobManager(Path("never made"), at_once=0)
    assert not Path("never made").exists()


def test_the_name_of_the_work_is_in_its_problems(make, caplog):
    caplog.set_level(logging.CRITICAL)
    job = run(make(name="The check of your photos"), works.vanish)
    assert job.problem == "The check of your photos stopped unexpectedly; nothing was changed."
    assert issubclass(TrainingError, DanceDemoError)
