"""From photos to a head by way of Parquet files: the real engine, one of its workers killed, and the command line.

Engine and reader are no requirements: they are installed into an environment of their own, which finds all other
packages where the tests have them.
"""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
import pytest

from dance_demo.data.illustrations import draw
from dance_demo.data.splits import Split
from dance_demo.jobs.progress import Steps
from dance_demo.model.head import power_normalize
from dance_demo.model.loading import load_classifier
from dance_demo.training.config import TrainingConfig
from dance_demo.training.embedded import suited
from dance_demo.training.fit import Examples, fit_head, logits_of
from tests.support import ROOT

FORMS = ("kathak", "odissi", "sattriya", "manipuri")
DRAWINGS, DRAWN = 500, 16  # files, of so many drawings in other crops


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with Ray and pyarrow: this one, where they are installed."""
    if find_spec("ray") and find_spec("pyarrow"):
        return Path(sys.executable)
    if not os.environ.get("DANCE_DEMO_RAY"):
        pytest.skip("Ray is no requirement: DANCE_DEMO_RAY=1, as make slow has it, installs it for this test")
    folder = tmp_path_factory.mktemp("ray")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [packages] = folder.glob("lib/python3.*/site-packages")
    (packages / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install", "--quiet"]
    try:
        ran = subprocess.run([*pip, "-r", ROOT / "requirements-ray.txt"], capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        pytest.skip("Ray could not be fetched within ten minutes")
    if ran.returncode:
        pytest.skip(f"Ray cannot be installed here: {ran.stderr.strip()[-300:]}")
    return python


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 files: drawings in small, some of them twice, and one that is no photo."""
    folder = tmp_path_factory.mktemp("drawings")
    for form in FORMS:
        (folder / form).mkdir()
    generator = np.random.default_rng(0)
    for number in range(DRAWINGS - 1):
        form = FORMS[number % len(FORMS)]
        if number < DRAWN:
            drawn = draw(form, number)
            drawn.save(folder / form / f"{number}.jpg", quality=95)
            continue
        left, top = generator.integers(60, size=2)
        cut = drawn_before(folder, form, number).crop((left, top, left + 400, top + 500))
        cut.save(folder / form / f"{number}.jpg", quality=90)
    (folder / "kathak" / "no photo.jpg").write_bytes(b"this is no photo")
    return folder


def drawn_before(folder: Path, form: str, number: int):  # noqa: ANN201
    from PIL import Image

    return Image.open(folder / form / f"{number % DRAWN}.jpg")


@pytest.fixture(scope="module")
def features(python: Path, drawings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Ray writes although the worker that embeds is killed in the middle."""
    out = tmp_path_factory.mktemp("embedded") / "features"
    command = [python, ROOT / "scripts" / "embed_many.py", drawings, "--out", out, "--workers", "1"]
    environment = {**os.environ, "RAY_worker_niceness": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    log = out.with_name("log.txt")
    with log.open("wb") as file:
        engine = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
        try:
            worker = embedding(engine, out)
            assert engine.poll() is None, "it was at its end before it could be killed"
            worker.send_signal(signal.SIGKILL)
            assert engine.wait(timeout=900) == 0, log.read_text(encoding="utf-8")[-3000:]
        finally:
            engine.kill()
    assert f"{DRAWINGS} photos, 1 of them not read" in log.read_text(encoding="utf-8")
    return out


def embedding(engine: "subprocess.Popen[bytes]", out: Path) -> psutil.Process:
    """The engine's worker that has the network, once a first file is written; its parent is the engine's daemon."""
    for _ in range(3000):
        if engine.poll() is None and any(out.glob("*.parquet")):
            for process in psutil.process_iter(["cmdline"]):
                mine = "MapBatches(Embedder)" in " ".join(process.info["cmdline"] or ())
                if mine and engine.pid in {parent.pid for parent in process.parents()}:
                    return process
        time.sleep(0.1)
    raise AssertionError("no worker was seen")


def trained(python: Path, out: Path, *arguments: str | Path) -> tuple[dict, str]:
    """What `train --json` answers, and its stderr."""
    command = [python, "-m", "dance_demo", "train", "--out", out, "--json", *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout), ran.stderr


@pytest.mark.slow
def test_500_photos_become_a_head_by_the_engine_although_a_worker_was_killed(
    python: Path, features: Path, drawings: Path, tmp_path: Path
) -> None:
    answer, said = trained(python, tmp_path / "head", "--features", features, "--epochs", "20")
    assert answer["n_train"] + answer["n_validation"] == DRAWINGS - 1  # each once, whoever died
    assert (answer["skipped"], answer["accuracy"] > 0.9) == (1, True)
    assert answer["duplicate_groups"] > 0 and "1 rows left out: it could not be read" in said
    plain, _ = trained(python, tmp_path / "usual", drawings, "--epochs", "20", "--augmentation", "off")
    assert answer.keys() == plain.keys()
    low, high = plain["accuracy_interval"]
    assert low - 0.02 <= answer["accuracy"] <= high + 0.02
    classifier = load_classifier(tmp_path / "head")
    assert classifier.mirrored_view and classifier.class_names == tuple(sorted(FORMS))
    assert classifier.classify(draw("odissi", 1)).top.label == "odissi"


@pytest.mark.slow
def test_features_of_another_network_or_none_that_fit_are_refused_in_a_sentence(
    python: Path, features: Path, tmp_path: Path
) -> None:
    code = """if True:
        import sys, pyarrow as pa, pyarrow.parquet as pq
        table, out = pq.read_table(sys.argv[1]), sys.argv[2]
        place = table.schema.get_field_index("backbone_sha256")
        other = pa.array(["cd" * 32] * len(table))
        pq.write_table(table.set_column(place, "backbone_sha256", other), f"{out}/other.parquet")
        short = pa.array([row[:7] for row in table["features"].to_pylist()], pa.list_(pa.float32()))
        pq.write_table(pa.table({"path": table["path"], "features": short}), f"{out}/short.parquet")
    """
    subprocess.run([python, "-c", code, features, tmp_path], check=True)
    for name, sentence in (
        ("other.parquet", "of another network (cdcdcdcdcdcd) than those known here"),
        ("short.parquet", "are 7 numbers a photo, and the network gives 1,280"),
    ):
        command = [python, "-m", "dance_demo", "train", "--features", tmp_path / name, "--out", tmp_path / "head"]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 2 and sentence in ran.stderr and "Traceback" not in ran.stderr
    assert not (tmp_path / "head").exists()


@pytest.mark.slow
def test_the_reader_of_parquet_passes_its_own_tests_beside(python: Path) -> None:
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/data/many/test_feature_files.py"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0 and "skipped" not in ran.stdout, ran.stdout


@pytest.mark.slow
def test_a_head_of_half_precision_features_from_a_file_is_the_usual_one(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    classes = np.arange(400) % 4
    features = generator.gamma(0.5, size=(400, 1, 64)).astype(np.float32)
    features[:, 0, :16] += 0.4 * np.eye(4)[classes].repeat(4, axis=1)
    features.astype(np.float16).tofile(tmp_path / "features")
    mapped = np.memmap(tmp_path / "features", np.float16, "r", shape=features.shape)
    split = Split(tuple(range(300)), tuple(range(300, 400)))
    config = TrainingConfig(epochs=20, augmentation="off")
    some = [Examples(one, classes, tuple("abcd"), tuple(range(400)), "0" * 64) for one in (features, mapped)]
    usual, half = (logits_of(Steps(fit_head(one, split, config)).run().head, one, split.validation) for one in some)
    np.testing.assert_allclose(usual, half, atol=0.02)
    assert (usual.argmax(axis=1) == half.argmax(axis=1)).mean() > 0.98
    assert power_normalize(features[:, 0]).dtype == np.float32


def test_many_photos_are_gone_through_less_often_in_larger_batches() -> None:
    assert suited(300) == suited(13_000) == (60, 32)
    assert suited(1_000_000) == (8, 1024)
    assert suited(100_000_000) == (5, 1024)
    steps = [epochs * n / batch for n in (13_000, 50_000, 200_000, 1_000_000) for epochs, batch in [suited(n)]]
    assert max(steps) < 30_000 and min(steps) > 5_000


def test_photos_or_features_must_be_named_and_not_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dance_demo.cli.main import main

    assert main(["train", "--out", str(tmp_path / "head")]) == 2
    assert "Name a folder or zip of photos, or Parquet files" in capsys.readouterr().err
    assert main(["train", "photos", "--features", str(tmp_path), "--out", str(tmp_path / "head")]) == 2
    assert "Give either photos or --features" in capsys.readouterr().err
    assert main(["train", "--features", str(tmp_path), "--fine-tune", "--out", str(tmp_path / "head")]) == 2
    assert "--fine-tune are about photos" in capsys.readouterr().err
