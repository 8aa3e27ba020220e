"""A model directory: what was saved comes back, what was damaged is refused, and a save is whole or nothing."""

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from dance_demo.errors import ModelError
from dance_demo.model.directory import (
    BACKBONE,
    BUNDLED,
    CARD,
    FAMILIARITY,
    HEAD,
    ModelCard,
    load_card,
    resolve,
    save_model,
    sha256,
    verify,
)
from dance_demo.model.loading import load_classifier
from tests.conftest import TINY_CLASSES
from tests.support import ROOT
from tests.support.made_up import photo, tree_hash

FILES = {"first.bin": b"1" * 5000, "second.bin": b"2" * 7000}


def save(directory: Path) -> ModelCard:
    return save_model(directory, FILES, name="Test", class_names=("a", "b"), training={"seed": 3})


def edit_card(directory: Path, **changes) -> Path:
    path = directory / CARD
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return directory


# There and back ---------------------------------------------------------------------------------------------------


def test_a_saved_model_is_loaded_again_with_its_card(tiny_model, tiny_files):
    classifier = load_classifier(tiny_model)
    assert {path.name: path.read_bytes() for path in tiny_model.iterdir() if path.name != CARD} == tiny_files
    assert classifier.class_names == load_card(tiny_model).class_names == TINY_CLASSES
    assert classifier.head.to_npz_bytes() == tiny_files[HEAD]
    assert classifier.classify(photo(0)).top.label in TINY_CLASSES


def test_a_card_comes_back_equal(tmp_path):
    card = save(tmp_path / "model")
    assert ModelCard.read(tmp_path / "model") == card
    assert card.files == {name: sha256(tmp_path / "model" / name) for name in FILES}


def test_a_model_is_loaded_once_however_it_is_named(tiny_model, monkeypatch):
    monkeypatch.chdir(tiny_model.parent)
    first = load_classifier(tiny_model)
    assert load_classifier("tiny") is load_classifier(str(tiny_model) + "/") is first
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    assert load_classifier() is first


def test_the_mirrored_view_is_what_the_card_says(tiny_files, tmp_path):
    save_model(tmp_path / "m", tiny_files, name="Two views", class_names=TINY_CLASSES, mirrored_view=True)
    assert load_classifier(tmp_path / "m").mirrored_view


def test_the_model_is_the_one_asked_for_then_the_environments_then_the_one_that_ships(monkeypatch, tmp_path):
    monkeypatch.delenv("DANCE_DEMO_MODEL", raising=False)
    monkeypatch.delenv("DANCE_DEMO_HUB_MODEL", raising=False)
    assert resolve() == BUNDLED == ROOT / "weights"
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tmp_path / "b"))
    assert resolve() == tmp_path / "b"
    assert resolve(tmp_path / "a") == tmp_path / "a"
    assert resolve("~/model") == Path.home() / "model"


def test_a_model_that_was_asked_for_and_is_not_there_is_never_replaced_by_another(tmp_path, monkeypatch):
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tmp_path / "nowhere"))
    for ask in (lambda: load_classifier(tmp_path / "none"), load_classifier):
        with pytest.raises(ModelError, match="There is no model in (none|nowhere): card.json is missing"):
            ask()


# Damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [BACKBONE, HEAD, FAMILIARITY])
@pytest.mark.parametrize("tenths", range(10))
def test_C12_a_cut_file_is_refused_by_name(name, tenths, tiny_model):
    data = (tiny_model / name).read_bytes()
    (tiny_model / name).write_bytes(data[: len(data) * tenths // 10])
    with pytest.raises(ModelError, match=f"in tiny is incomplete or was changed: {name}. Install"):
        load_classifier(tiny_model)


@pytest.mark.parametrize("name", [BACKBONE, HEAD, FAMILIARITY])
def test_C12_one_flipped_bit_is_refused_by_name(name, tiny_model):
    data = bytearray((tiny_model / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tiny_model / name).write_bytes(data)
    with pytest.raises(ModelError, match=f"was changed: {name}"):
        load_classifier(tiny_model)


def test_C12_all_files_that_are_wrong_are_named_at_once(tiny_model):
    (tiny_model / HEAD).unlink()
    (tiny_model / BACKBONE).write_bytes(b"")
    with pytest.raises(ModelError, match=f"{BACKBONE}, {HEAD}"):
        load_classifier(tiny_model)


@pytest.mark.parametrize("tenths", range(10))
def test_C12_a_cut_card_is_refused_by_name(tenths, tiny_model):
    text = (tiny_model / CARD).read_text()
    (tiny_model / CARD).write_text(text[: len(text) * tenths // 10])
    with pytest.raises(ModelError, match="card.json in tiny cannot be read"):
        load_classifier(tiny_model)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"password": 1}, "expected the keys name, class_names, files, mirrored_view"),
        ({"class_names": "kathak"}, "class_names must be a list of names"),
        ({"class_names": ["kathak", 2]}, "class_names must be a list of names"),
        ({"class_names": ["kathak", "odissi"]}, "names 2 classes, the head 3"),
        ({"class_names": ["odissi", "kathak", "sattriya"]}, "the head 3 .or in another order"),
        ({"files": [HEAD]}, "files must map"),
        ({"files": {"../head.npz": "0" * 64}}, "files must map"),
        ({"files": {HEAD: ""}}, "files must map"),
        ({"files": {HEAD: None}}, "files must map"),
        ({"files": {}}, "does not name familiarity.npz, head.npz"),
        ({"files": {"other.bin": "0" * 64}}, "incomplete or was changed: other.bin"),
    ],
    ids=str,
)
def test_C12_a_card_that_says_something_else_is_refused(changes, reason, tiny_model):
    with pytest.raises(ModelError, match=reason):
        load_classifier(edit_card(tiny_model, **changes))


@pytest.mark.parametrize("text", [b"[]", b"null", b"{}", b"[" * 100_000, b"\xff\xfe{", b"\0" * 99], ids=range(6))
def test_C12_a_card_that_is_no_card_is_refused(text, tiny_model):
    (tiny_model / CARD).write_bytes(text)
    with pytest.raises(ModelError, match="card.json"):
        load_classifier(tiny_model)


def test_a_card_as_large_as_a_disk_is_not_read(tiny_model):
    with (tiny_model / CARD).open("r+b") as file:
        file.truncate(10**9)
    with pytest.raises(ModelError, match="larger than a card can be .1,000,000 bytes"):
        load_classifier(tiny_model)


def test_a_good_hash_does_not_make_a_file_good(tiny_files, tmp_path):
    """Whoever writes the card can hash garbage, too: every file is checked by its own reader."""
    for name, reason in ((BACKBONE, "not a LiteRT"), (HEAD, "not a head"), (FAMILIARITY, "not a familiarity file")):
        files = {**tiny_files, name: b"garbage" * 50}
        save_model(tmp_path / name, files, name="Garbage", class_names=TINY_CLASSES)
        with pytest.raises(ModelError, match=reason):
            load_classifier(tmp_path / name)


def test_a_model_without_a_backbone_sees_through_the_one_that_is_here(tiny_model, tiny_files, tmp_path, monkeypatch):
    alone = {name: data for name, data in tiny_files.items() if name != BACKBONE}
    for name in ("first", "second"):
        save_model(tmp_path / name, alone, name="Alone", class_names=TINY_CLASSES)
    with pytest.raises(ModelError, match="is not on this computer"):
        load_classifier(tmp_path / "first")
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    first, second = (load_classifier(tmp_path / name) for name in ("first", "second"))
    assert first.backbone is second.backbone, "the large part is in memory once"
    expected = load_classifier(tiny_model).classify(photo(0)).predictions
    assert first.classify(photo(0)).predictions == expected


def test_a_head_of_another_backbone_does_not_load_with_this_one(tiny_files, tmp_path, classifier):
    files = {**tiny_files, HEAD: classifier.head.to_npz_bytes()}
    save_model(tmp_path / "mixed", files, name="Mixed", class_names=classifier.class_names)
    with pytest.raises(ModelError, match="fitted on backbone"):
        load_classifier(tmp_path / "mixed")


def test_a_refused_model_is_not_remembered_as_refused(tiny_model, tiny_files):
    (tiny_model / HEAD).write_bytes(b"")
    with pytest.raises(ModelError):
        load_classifier(tiny_model)
    (tiny_model / HEAD).write_bytes(tiny_files[HEAD])
    assert load_classifier(tiny_model).class_names == TINY_CLASSES


# The card in words ------------------------------------------------------------------------------------------------


def test_the_summary_says_how_well_on_what_and_against_what():
    evaluation = {"n": 364, "accuracy": 0.876, "accuracy_interval": [0.84, 0.911], "majority_baseline": 0.14}
    card = ModelCard("Eight dances", ("a", "b"), {}, evaluation=evaluation)
    assert card.summary() == (
        "Eight dances: 87.6 % of 364 held-out photos right "
        "(95 % interval 84.0 % to 91.1 %; always naming the commonest class: 14.0 %)."
    )
    known = ModelCard("Seen", ("a", "b"), {}, evaluation=evaluation | {"training_overlap": 360})
    warning = "360 of the 364 photos that judged were used to train the bundled backbone. A score on them says nothing"
    assert warning in known.summary()
    assert ModelCard("New", ("a", "b"), {}).summary() == "New: no held-out evaluation."


# Saving -----------------------------------------------------------------------------------------------------------


def test_an_existing_directory_is_never_overwritten(tmp_path):
    save(tmp_path / "model")
    before = tree_hash(tmp_path)
    for directory in (tmp_path / "model", tmp_path):
        with pytest.raises(ModelError, match="exists already. A model is saved into a new directory"):
            save(directory)
    assert tree_hash(tmp_path) == before


def test_a_model_is_saved_into_folders_that_are_not_there_yet_and_others_may_read_it(tmp_path):
    save(tmp_path / "a" / "b" / "model")
    assert (tmp_path / "a" / "b" / "model").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["model"]


STEPS = ("Path.open", "Path.mkdir", "Path.chmod", "os.fsync", "os.rename", "os.replace", "os.open", "tempfile.mkdtemp")


@contextlib.contextmanager
def failpoint(at_step: int, fail: Callable[[], None]) -> Iterator[list[str]]:
    """Count every step by which a save touches the disk, and fail instead of the one with this number."""
    steps: list[str] = []

    def stepping(name: str, real: Callable) -> Callable:
        def step(*arguments, **options):
            steps.append(name)
            if len(steps) - 1 == at_step:
                fail()
            return real(*arguments, **options)

        return step

    holders = {"Path": Path, "os": os, "tempfile": tempfile}
    with contextlib.ExitStack() as patches:
        for name in STEPS:
            holder, attribute = holders[name.split(".")[0]], name.split(".")[1]
            patches.enter_context(mock.patch.object(holder, attribute, stepping(name, getattr(holder, attribute))))
        yield steps


def count_steps(tmp_path: Path) -> int:
    with failpoint(-1, lambda: None) as steps:
        save(tmp_path / "counted")
    assert set(steps) == set(STEPS)
    shutil.rmtree(tmp_path / "counted")
    return len(steps)


def assert_absent_or_complete(directory: Path) -> bool:
    if not directory.exists():
        return False
    card = ModelCard.read(directory)
    verify(directory, card)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == {
        **FILES,
        CARD: card.to_json().encode(),
    }
    return True


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def test_C8_a_disk_error_at_any_step_of_a_save_leaves_nothing_or_all_and_no_draft(code, tmp_path):
    def fail() -> None:
        raise OSError(code, os.strerror(code))

    outcomes = []
    for step in range(count_steps(tmp_path)):
        target = tmp_path / f"{step}" / "model"
        with failpoint(step, fail), pytest.raises((OSError, ModelError)):
            save(target)
        outcomes.append(assert_absent_or_complete(target))
        left = [path.name for path in target.parent.iterdir()] if target.parent.exists() else []
        assert left == (["model"] if outcomes[-1] else [])
    assert len(outcomes) > 15 and set(outcomes) == {False, True}


def test_C8_a_disk_that_fills_up_while_a_file_is_written_leaves_nothing(tmp_path):
    """A write that really stops half-way: the limit on file sizes cuts it, as a full disk would."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from tests.model.test_directory import save\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))\n"
        "try: save(Path(sys.argv[1]))\n"
        "except OSError as error: print(error.errno)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-B", "-c", code, tmp_path / "model"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.strip() == str(errno.EFBIG), ran.stderr
    assert list(tmp_path.iterdir()) == []


CHILD = """
import os, sys
from pathlib import Path
from tests.model.test_directory import failpoint, save
for line in sys.stdin:
    step, target = line.rstrip("\\n").split(" ", 1)
    child = os.fork()
    if not child:
        with failpoint(int(step), lambda: os._exit(9)):
            save(Path(target))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def forker() -> Iterator[subprocess.Popen]:
    """A small process without threads, because only such a one may be forked."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-B", "-c", CHILD],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.stdin.close()
    process.stdout.close()
    process.wait(timeout=30)


def test_C7_a_process_killed_at_any_step_of_a_save_leaves_nothing_or_all(forker, tmp_path):
    """Each child is a fork that dies at its step without a word, like kill -9."""
    outcomes = []
    for step in range(count_steps(tmp_path)):
        target = tmp_path / f"{step}" / "model"
        print(step, target, file=forker.stdin, flush=True)
        assert forker.stdout.readline() == "9\n"
        outcomes.append(assert_absent_or_complete(target))
        if not outcomes[-1]:
            save(target)  # what the dead one left does not stand in the way
            assert assert_absent_or_complete(target)
    assert len(outcomes) > 15 and set(outcomes) == {False, True}


def test_saving_the_same_files_gives_the_same_directory(tiny_files, tmp_path):
    for name in ("one", "two"):
        save_model(
            tmp_path / name, tiny_files, name="Tiny", class_names=TINY_CLASSES, evaluation={"n": np.int64(3).item()}
        )
    assert tree_hash(tmp_path / "one") == tree_hash(tmp_path / "two")
