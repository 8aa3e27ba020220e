"""A trained head as one zip: it comes back as it was, and nobody's forgery does anything but be refused."""

import hashlib
import io
import json
import math
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from dance_demo.data.illustrations import draw
from dance_demo.errors import ModelError
from dance_demo.files.npz import write_arrays
from dance_demo.files.zip_archive import pack
from dance_demo.model import bundle
from dance_demo.model.bundle import (
    LABELS,
    MAX_BUNDLE_BYTES,
    METRICS,
    NAMES,
    PREDICT,
    README,
    bundle_bytes,
    read_bundle,
    restore,
    write_bundle,
)
from dance_demo.model.directory import BACKBONE, CARD, FAMILIARITY, FINE_TUNED, HEAD, ModelCard, save_model, sha256
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import Head
from dance_demo.model.loading import load_classifier
from dance_demo.model.readme import hub_readme
from tests.conftest import TINY_CHANNELS
from tests.model.test_head import HOSTILE as HOSTILE_HEADS
from tests.support import ROOT
from tests.support.made_up import Member, make_zip, photo, tree_hash, write_files

CLASSES = ("Garba & Dandiya", "कथक", "<b>ballet</b>|*")
EVALUATION = {
    "n": 30,
    "accuracy": 0.8,
    "accuracy_interval": [0.6, 0.9],
    "majority_baseline": 0.4,
    "protocol": "Each photo was judged by a head that had not seen it.",
    "per_class": {name: {"precision": 0.8, "recall": 0.75, "f1": 0.77, "support": 10} for name in CLASSES},
}


@pytest.fixture(autouse=True)
def own_backbone(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny network stands for the backbone that ships."""
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    monkeypatch.setenv("DANCE_DEMO_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def trained(tiny_model: Path, tmp_path: Path) -> Path:
    """What a training leaves behind."""
    return save_trained(tmp_path / "trained", sha256(tiny_model / BACKBONE))


def save_trained(directory: Path, backbone_sha256: str, **changes) -> Path:
    generator = np.random.default_rng(5)
    weight, bias = generator.normal(size=(TINY_CHANNELS, 3)), generator.normal(size=3)
    head = Head(CLASSES, weight, bias, 0.9, backbone_sha256, power_normalized=True)
    familiarity = Familiarity.fit(generator.random((20, TINY_CHANNELS), np.float32))
    about = {
        "name": "My dances",
        "class_names": CLASSES,
        "photos_per_class": dict.fromkeys(CLASSES, 10),
        "evaluation": EVALUATION,
        "training": {"backbone": "dance", "backbone_sha256": backbone_sha256, "config": {"epochs": 60, "seed": 0}},
    }
    files = {HEAD: head.to_npz_bytes(), FAMILIARITY: familiarity.to_npz_bytes()}
    save_model(directory, files, **{**about, **changes})
    return directory


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


# There and back ------------------------------------------------------------------------------------------------------


def test_a_bundle_holds_what_it_should_and_any_zip_program_can_read_it(trained):
    files = members_of(bundle_bytes(trained))
    assert tuple(files) == tuple(name for name in NAMES if name != FINE_TUNED)
    for name in (CARD, HEAD, FAMILIARITY):
        assert files[name] == (trained / name).read_bytes()
    assert files[LABELS].decode().splitlines() == list(CLASSES)
    assert json.loads(files[METRICS]) == EVALUATION
    compile(files[PREDICT], PREDICT, "exec")


def test_a_bundle_that_is_uploaded_again_is_the_same_model_to_the_last_byte(trained, tmp_path):
    path = bundle.write_bundle(trained, tmp_path / "my dances.zip")
    again = read_bundle(path, tmp_path / "again")
    assert tree_hash(again) == tree_hash(trained)
    assert bundle_bytes(again) == path.read_bytes()


def test_the_same_model_always_gives_the_same_bytes(trained, tmp_path):
    assert bundle.write_bundle(trained, tmp_path / "a.zip").read_bytes() == bundle_bytes(trained)


def test_a_bundle_that_was_unpacked_and_zipped_again_on_a_mac_is_read(trained, tmp_path):
    members = [Member(name.encode(), data) for name, data in reversed(members_of(bundle_bytes(trained)).items())]
    litter = [Member(b"__MACOSX/._card.json", b"finder"), Member(b".DS_Store", b"finder")]
    (tmp_path / "b.zip").write_bytes(make_zip([*members, *litter]))
    assert tree_hash(read_bundle(tmp_path / "b.zip", tmp_path / "again")) == tree_hash(trained)


@pytest.mark.parametrize("folder", ["dance head", "my head/unpacked", "कथक"])
def test_a_bundle_with_a_folder_around_it_is_read(trained, tmp_path, folder):
    """As Safari unpacks it and "Compress", or "Send to, Compressed folder", packs it again."""
    files = members_of(bundle_bytes(trained)).items()
    members = [Member(f"{folder}/".encode(), b""), *(Member(f"{folder}/{name}".encode(), data) for name, data in files)]
    litter = [Member(f"__MACOSX/{folder}/._{name}".encode(), b"finder") for name, _ in files]
    (tmp_path / "b.zip").write_bytes(make_zip([*members, *litter]))
    assert tree_hash(read_bundle(tmp_path / "b.zip", tmp_path / "again")) == tree_hash(trained)


def test_a_bundle_that_windows_packed_again_with_what_it_left_beside_is_read(trained, tmp_path):
    """By PowerShell's Compress-Archive, which writes backslashes."""
    members = [Member(f"head\\{name}".encode(), data) for name, data in members_of(bundle_bytes(trained)).items()]
    left = [Member(b"head\\" + name, b"x") for name in (b"desktop.ini", b"Thumbs.db", b"__pycache__\\predict.pyc")]
    (tmp_path / "b.zip").write_bytes(make_zip([*members, *left]))
    assert tree_hash(read_bundle(tmp_path / "b.zip", tmp_path / "again")) == tree_hash(trained)


@pytest.mark.parametrize("beside", ["note.txt", "Read me first.pdf", "poster.JPG", "dance head/what I changed.md"])
def test_a_bundle_with_a_note_beside_it_is_read(trained, tmp_path, beside):
    around = "dance head/" if "/" in beside else ""
    files = {around + name: data for name, data in members_of(bundle_bytes(trained)).items()}
    (tmp_path / "b.zip").write_bytes(pack({**files, beside: b"of our class", "outside.txt": b"x"}))
    assert tree_hash(read_bundle(tmp_path / "b.zip", tmp_path / "again")) == tree_hash(trained)


def test_only_numbers_and_the_card_are_taken_from_a_bundle(trained, tmp_path):
    """Whatever a stranger wrote into the texts for people stays in the upload."""
    files = members_of(bundle_bytes(trained))
    texts = {PREDICT: b"import os; os.abort()", README: b"<script>alert(1)</script>", LABELS: b"a", METRICS: b"{"}
    (tmp_path / "b.zip").write_bytes(pack({**files, **texts}))
    assert tree_hash(read_bundle(tmp_path / "b.zip", tmp_path / "again")) == tree_hash(trained)
    (tmp_path / "c.zip").write_bytes(pack({name: files[name] for name in bundle.NEEDED}))
    assert tree_hash(read_bundle(tmp_path / "c.zip", tmp_path / "once more")) == tree_hash(trained)


def test_the_model_that_ships_can_be_bundled_without_its_backbone(tiny_model, tmp_path):
    (tmp_path / "b.zip").write_bytes(bundle_bytes(tiny_model))
    again = read_bundle(tmp_path / "b.zip", tmp_path / "again")
    assert sorted(path.name for path in again.iterdir()) == [CARD, FAMILIARITY, HEAD]


def test_a_damaged_model_is_not_bundled(trained, tmp_path):
    (trained / HEAD).write_bytes(b"")
    with pytest.raises(ModelError, match="incomplete or was changed: head.npz"):
        bundle.write_bundle(trained, tmp_path / "b.zip")
    assert not list(tmp_path.glob("*b.zip*"))


def test_a_model_directory_is_never_overwritten_by_a_bundle(trained, tmp_path):
    path = bundle.write_bundle(trained, tmp_path / "b.zip")
    before = tree_hash(trained)
    with pytest.raises(ModelError, match="exists already"):
        read_bundle(path, trained)
    assert tree_hash(trained) == before


def test_an_upload_that_was_deleted_meanwhile_is_asked_for_again(tmp_path):
    with pytest.raises(ModelError, match="no longer kept here. Please upload it again"):
        read_bundle(tmp_path / "gone.zip", tmp_path / "again")


# Words for people ----------------------------------------------------------------------------------------------------


def test_the_model_card_says_how_well_on_what_and_how(trained):
    readme = members_of(bundle_bytes(trained))[README].decode()
    assert "# Model card: My dances" in readme
    assert "**80.0 % of 30 held-out photos right** (95 % interval 60.0 % to 90.0 %)" in readme
    assert "commonest class would be right for 40.0 %" in readme
    assert "Each photo was judged by a head that had not seen it." in readme
    assert "| Garba \\& Dandiya | 10 | 0.80 | 0.75 | 0.77 | 10 |" in readme
    assert "| epochs | 60 |" in readme and "| backbone | dance |" in readme
    assert "as one\n  network, which Keras 3.3 and later opens" in readme


def test_the_model_card_warns_of_photos_that_the_backbone_has_learned_from(tiny_model, tmp_path):
    known = {**EVALUATION, "training_overlap": 30}
    model = save_trained(tmp_path / "known", sha256(tiny_model / BACKBONE), evaluation=known)
    data = bundle_bytes(model)
    readme = members_of(data)[README].decode()
    assert "**Beware.** 30 of the 30 photos that judged were used to train the bundled backbone." in readme
    (tmp_path / "known.zip").write_bytes(data)
    card = ModelCard.read(read_bundle(tmp_path / "known.zip", tmp_path / "again"))
    assert "30 of the 30 photos that judged" in card.summary()
    hub = hub_readme(card, "me/dances")
    assert "n = 30; 30 of them trained the backbone" in " ".join(hub.split())


def test_S1_class_names_are_only_text_in_the_model_card(trained):
    readme = members_of(bundle_bytes(trained))[README].decode()
    assert "<b>" not in readme and "\\<b\\>ballet\\</b\\>\\|\\*" in readme


def test_a_head_that_was_not_evaluated_says_so(trained, tmp_path, tiny_model):
    bare = save_trained(tmp_path / "bare", sha256(tiny_model / BACKBONE), evaluation={}, training={})
    readme = members_of(bundle_bytes(bare))[README].decode()
    assert "It was not held against photos that it had not seen." in readme


# `predict.py` as bundles carried it until 0.2.0; visitors have it on their disks.
OLD_PREDICT = """\
import sys
from pathlib import Path

sys.path.append(".")
from dance_demo import photos, training  # noqa: E402

model = training.load_trained(Path(__file__).resolve().parent)
for name in sys.argv[1:]:
    best = model.classify(photos.open_photo(name)).predictions[:3]
    print(f"{name}: " + ", ".join(f"{answer.label} {answer.probability:.1%}" for answer in best))
"""


@pytest.mark.parametrize("script", [None, OLD_PREDICT], ids=["of today", "before 0.2.0"])
def test_predict_py_names_photos_where_the_bundle_was_unpacked(script, trained, tmp_path):
    unpacked = write_files(tmp_path / "unpacked", members_of(bundle_bytes(trained)))
    if script:
        (unpacked / PREDICT).write_text(script)
    draw("odissi", 0).save(tmp_path / "photo.png")
    command = [sys.executable, "-B", "-W", "default", unpacked / PREDICT, tmp_path / "photo.png"]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    answer = load_classifier(trained).classify(draw("odissi", 0))
    expected = ", ".join(f"{p.label} {p.probability:.1%}" for p in answer.predictions)
    assert ran.stdout == f"{tmp_path / 'photo.png'}: {expected}\n", ran.stderr
    for advice in ("use dance_demo.open_photo", "use dance_demo.load_classifier"):
        assert (advice in ran.stderr) == bool(script), ran.stderr


# The backbone that it needs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backbone", "words"),
    [
        ("imagenet", "was trained on the ImageNet backbone, which is not on this computer yet. Train once with"),
        ("dance", "was trained on another backbone .cdcdcdcdcdcd. than those known here. Use it with the version"),
        (["x"], "was trained on another backbone"),
    ],
)
def test_a_backbone_that_is_not_here_is_named(backbone, words, tmp_path):
    save_trained(tmp_path / "other", "cd" * 32, training={"backbone": backbone})
    (tmp_path / "b.zip").write_bytes(bundle_bytes(tmp_path / "other"))
    with pytest.raises(ModelError, match=words):
        read_bundle(tmp_path / "b.zip", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_head_for_another_number_of_channels_is_refused(tiny_model, tmp_path):
    head = Head(CLASSES, np.ones((5, 3)), np.ones(3), 1.0, sha256(tiny_model / BACKBONE))
    files = {HEAD: head.to_npz_bytes(), FAMILIARITY: (tiny_model / FAMILIARITY).read_bytes()}
    save_model(tmp_path / "five", files, name="Five", class_names=CLASSES)
    (tmp_path / "b.zip").write_bytes(bundle_bytes(tmp_path / "five"))
    with pytest.raises(ModelError, match="head reads 5 channels, but the backbone has 12"):
        read_bundle(tmp_path / "b.zip", tmp_path / "again")


# Forgeries -----------------------------------------------------------------------------------------------------------


class Explosive:
    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


def forged(files: dict[str, bytes], /, **changes: bytes | None) -> bytes:
    """The bundle with some of its members exchanged (card, head, familiarity), its card's hashes made to fit."""
    names = {"card": CARD, "head": HEAD, "familiarity": FAMILIARITY}
    made = {**files, **{names[key]: data for key, data in changes.items()}}
    if "card" not in changes:
        card = json.loads(files[CARD])
        card["files"] = {name: hashlib.sha256(made[name]).hexdigest() for name in (FAMILIARITY, HEAD)}
        made[CARD] = json.dumps(card).encode()
    return pack(made)


def with_card(files: dict[str, bytes], /, **changes) -> bytes:
    return forged(files, card=json.dumps({**json.loads(files[CARD]), **changes}).encode())


def with_evaluation(files: dict[str, bytes], **changes) -> bytes:
    return with_card(files, evaluation={**EVALUATION, **changes})


def card_text(files: dict[str, bytes], old: str, new: str) -> bytes:
    text = files[CARD].decode()
    assert old in text
    return forged(files, card=text.replace(old, new, 1).encode("utf-8", "surrogatepass"))


def familiarity(**changes) -> bytes:
    generator = np.random.default_rng(0)
    arrays = {
        "centre": generator.random(TINY_CHANNELS),
        "directions": generator.random((4, TINY_CHANNELS)),
        "variances": np.ones(4),
        "limits": np.ones(4),
    }
    return write_arrays({name: np.float32(array) for name, array in {**arrays, **changes}.items()})


def keras_file() -> bytes:
    names = ["metadata.json", "config.json", "model.weights.h5"]
    return make_zip([Member(name.encode(), b"{}") for name in names])


def listed(files: dict[str, bytes], *more: Member, **lies) -> bytes:
    """A zip of the same files, byte by byte; each of the lies is told about every member."""
    return make_zip([*(Member(name.encode(), data, **lies) for name, data in files.items()), *more])


NPZ = write_arrays({"centre": np.ones(3, np.float32)})
REFUSAL = r"^(This is not a \w+( file)? from this app \(.{5,}\)|The familiarity file is about 5 channels)"
NESTED = json.loads("[" * 50 + "]" * 50)

FORGERIES = {
    "nothing": lambda files: b"",
    "a pickle": lambda files: pickle.dumps(Explosive()),
    "an .h5 file": lambda files: b"\x89HDF\r\n\x1a\n" + bytes(5000),
    "a .keras file": lambda files: keras_file(),
    "an .npz": lambda files: files[HEAD],
    "a picture": lambda files: b"\xff\xd8\xff\xe0" + bytes(5000),
    "a RAR": lambda files: b"Rar!\x1a\x07\x00" + bytes(500),
    "an empty zip": lambda files: pack({}),
    "a zip cut in half": lambda files: pack(files)[: len(pack(files)) // 2],
    "a zip over 20 MB": lambda files: pack(files) + bytes(MAX_BUNDLE_BYTES),
    "20 MB in a few bytes": lambda files: listed({**files, README: bytes(MAX_BUNDLE_BYTES - 1)}),
    "a file that claims 4 GB": lambda files: listed(files, file_bytes=0xFFFFFFF0),
    "a file larger than it says": lambda files: listed(files, file_bytes=10),
    "a wrong checksum": lambda files: listed(files, crc=1),
    "a password": lambda files: listed(files, flags=1),
    "an unusual packing": lambda files: listed(files, method=93),
    "a link": lambda files: listed(files, mode=0o120777),
    "members that overlap": lambda files: listed(files, Member(b"labels.txt", header_start=0)),
    "a member twice": lambda files: listed(files, Member(HEAD.encode(), files[HEAD])),
    "an extra pickle": lambda files: pack({**files, "head.pkl": pickle.dumps(Explosive())}),
    "an extra .h5": lambda files: pack({**files, "model.weights.h5": b"\x89HDF\r\n\x1a\n"}),
    "a backbone of one's own": lambda files: pack({**files, BACKBONE: b"TFL3" * 9}),
    "a file outside": lambda files: pack({**files, "../../evil.npz": b"x"}),
    "a file from the root": lambda files: pack({**files, "/etc/passwd": b"x"}),
    "files in several folders": lambda files: pack({f"{name}/{name}": data for name, data in files.items()}),
    "two bundles": lambda files: pack({f"{folder}/{name}": data for folder in "ab" for name, data in files.items()}),
    "a program in a folder": lambda files: pack({**files, "notes/install.sh": b"x"}),
    "5,000 members": lambda files: pack({**files, **{f"{number}.txt": b"x" for number in range(5000)}}),
    "no head": lambda files: pack({name: data for name, data in files.items() if name != HEAD}),
    "no card": lambda files: pack({name: data for name, data in files.items() if name != CARD}),
    "an empty head": lambda files: forged(files, head=b""),
    "a pickle for a head": lambda files: forged(files, head=pickle.dumps(Explosive())),
    "a pickle for numbers": lambda files: forged(files, familiarity=pickle.dumps(Explosive())),
    "other numbers": lambda files: forged(files, familiarity=NPZ),
    "NaN in the centre": lambda files: forged(files, familiarity=familiarity(centre=np.full(TINY_CHANNELS, np.nan))),
    "infinite variances": lambda files: forged(files, familiarity=familiarity(variances=np.full(4, np.inf))),
    "negative variances": lambda files: forged(files, familiarity=familiarity(variances=-np.ones(4))),
    "a limit that is no number": lambda files: forged(files, familiarity=familiarity(limits=np.full(4, np.nan))),
    "directions of another size": lambda files: forged(files, familiarity=familiarity(directions=np.ones((4, 5)))),
    "a familiarity of fewer channels": lambda files: forged(
        files, familiarity=familiarity(centre=np.ones(5), directions=np.ones((4, 5)))
    ),
    "more known photos than there were": lambda files: with_evaluation(files, training_overlap=31),
    "known photos that are text": lambda files: with_evaluation(files, training_overlap="30"),
    "another head's hash": lambda files: with_card(files, files={HEAD: "0" * 64, FAMILIARITY: "0" * 64}),
    "hashes of other files": lambda files: with_card(files, files={"../../etc/passwd": "0" * 64}),
    "no hashes": lambda files: with_card(files, files={}),
    "other classes in the card": lambda files: with_card(files, class_names=["a", "b", "c"]),
    "100,000 classes in the card": lambda files: with_card(files, class_names=[str(n) for n in range(30_000)]),
    "class names that are no list": lambda files: with_card(files, class_names={"a": 1}),
    "an unknown field": lambda files: with_card(files, password="x"),
    "a name that is a list": lambda files: with_card(files, name=["x"]),
    "a name of several lines": lambda files: with_card(files, name="a\nERROR forged line of a log"),
    "a name of control characters": lambda files: with_card(files, name="\x1b[2J"),
    "a name as long as a book": lambda files: with_card(files, name="x" * 100_000),
    "half a character": lambda files: card_text(files, "My dances", "\ud800"),
    "a mirrored view that is text": lambda files: with_card(files, mirrored_view="no"),
    "a training that is a list": lambda files: with_card(files, training=[1, 2]),
    "a number of photos that is text": lambda files: with_card(files, photos_per_class={CLASSES[0]: "many"}),
    "photos of a class that is not there": lambda files: with_card(files, photos_per_class={"d": 3}),
    "fewer than no photos": lambda files: with_card(files, photos_per_class={CLASSES[0]: -1}),
    "an accuracy in words": lambda files: with_evaluation(files, accuracy="perfect"),
    "an accuracy above 1": lambda files: with_evaluation(files, accuracy=1.5),
    "an accuracy that is not a number": lambda files: with_evaluation(files, accuracy=math.nan),
    "an infinite interval": lambda files: with_evaluation(files, accuracy_interval=[-math.inf, math.inf]),
    "an interval of three": lambda files: with_evaluation(files, accuracy_interval=[0.1, 0.2, 0.3]),
    "a number of 5,000 digits": lambda files: card_text(files, '"n": 30', '"n": 1' + "0" * 5000),
    "a number beyond all counts": lambda files: with_evaluation(files, n=10**30),
    "scores of other classes": lambda files: with_evaluation(files, per_class={"d": {}}),
    "scores without their numbers": lambda files: with_evaluation(files, per_class={CLASSES[0]: {"f1": 1}}),
    "the same key twice": lambda files: card_text(files, '"evaluation"', '"name": "x", "evaluation"'),
    "the same key twice, deep inside": lambda files: card_text(files, '"n": 30', '"n": 30, "n": 31'),
    "deep nesting": lambda files: with_card(files, training={"deep": NESTED}),
    "very deep nesting": lambda files: forged(files, card=b"[" * 200_000),
    "a card that is cut off": lambda files: forged(files, card=files[CARD][:-9]),
    "a card in another encoding": lambda files: forged(files, card=files[CARD].decode().encode("utf-16")),
    "a card of 2 MB": lambda files: forged(files, card=files[CARD] + b" " * 2_000_000),
    "a card that is a list": lambda files: forged(files, card=b"[]"),
} | {f"a head with {name}": (lambda files, data=data: forged(files, head=data)) for name, data in HOSTILE_HEADS.items()}


@pytest.fixture
def no_way_to_run_anything() -> Iterator[None]:
    """Whoever unpickles or loads a model with TensorFlow while a bundle is read fails the test."""

    def forbidden(*arguments, **options):
        pytest.fail("a stranger's file was run")

    assert "keras" in sys.modules  # by the tiny network; so it could be called
    import keras

    with (
        mock.patch("pickle.loads", forbidden),
        mock.patch("pickle.load", forbidden),
        mock.patch("pickle.Unpickler", forbidden),
        mock.patch.object(keras.models, "load_model", forbidden),
    ):
        yield


@pytest.mark.parametrize("name", FORGERIES)
def test_S6_a_forged_bundle_is_refused_in_a_sentence_and_leaves_nothing(
    name, trained, tmp_path, no_way_to_run_anything
):
    path = tmp_path / "bundle.zip"
    path.write_bytes(FORGERIES[name](members_of(bundle_bytes(trained))))
    before = tree_hash(tmp_path)
    tracemalloc.start()
    try:
        with pytest.raises(
            ModelError, match=r"^(This is not a \w+( file)? from this app \(.{5,}\)|The familiarity)"
        ) as refusal:
            read_bundle(path, tmp_path / "again")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert tree_hash(tmp_path) == before
    text = str(refusal.value)
    assert len(text) < 400 and text.isprintable() and text.endswith(".") and str(tmp_path) not in text


def test_the_forger_of_these_tests_can_also_make_a_good_bundle(trained, tmp_path):
    files = members_of(bundle_bytes(trained))
    for number, data in enumerate([forged(files), with_card(files), listed(files), forged(files, head=files[HEAD])]):
        (tmp_path / "b.zip").write_bytes(data)
        read_bundle(tmp_path / "b.zip", tmp_path / str(number))
    good = forged(files, familiarity=familiarity())
    (tmp_path / "b.zip").write_bytes(good)
    read_bundle(tmp_path / "b.zip", tmp_path / "familiar")


def test_S6_a_bundle_cut_off_anywhere_is_refused(trained, tmp_path):
    data = bundle_bytes(trained)
    for length in range(0, len(data), 97):
        (tmp_path / "b.zip").write_bytes(data[:length])
        with pytest.raises(ModelError, match="not a bundle from this app"):
            read_bundle(tmp_path / "b.zip", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_the_app_still_answers_with_the_old_model_after_a_refusal(classifier, trained, tmp_path):
    before = classifier.classify(photo(0)).to_json(8)
    (tmp_path / "b.zip").write_bytes(pickle.dumps(Explosive()))
    with pytest.raises(ModelError):
        read_bundle(tmp_path / "b.zip", tmp_path / "again")
    assert classifier.classify(photo(0)).to_json(8) == before


def test_an_uploaded_bundle_comes_back_in_a_job_with_the_same_answers(trained, tmp_path):
    (model,) = restore(tmp_path / "job", lambda: False, write_bundle(trained, tmp_path / "bundle.zip"))
    assert model.is_relative_to(tmp_path / "job")
    answers = [load_classifier(directory).classify(draw("odissi", 0)).predictions for directory in (trained, model)]
    assert answers[0] == answers[1]


def test_a_zip_of_photos_is_no_bundle(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("stage/0.jpg", b"a photo")
    with pytest.raises(ModelError, match="not a bundle from this app"):
        list(restore(tmp_path / "job", lambda: False, tmp_path / "photos.zip"))
