"""The image: what its lines say, and that they lead to a page that answers. `make docker-steps` does all of it."""

import platform
import subprocess
import sys
import threading
from io import BytesIO
from pathlib import Path

import pytest
import yaml

from dance_demo.jobs.messages import Done, Task, packed
from dance_demo.jobs.worker import run_task
from tests.support import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import docker_steps
import space

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STAGES = docker_steps.stages(DOCKERFILE)
FINAL = STAGES["final"]
FILES = docker_steps.context(ROOT, (ROOT / ".dockerignore").read_text(encoding="utf-8"))
[SERVICE] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"].values()


def said(word: str) -> list[str]:
    return [line.rest for line in FINAL if line.word == word]


# What the lines say -----------------------------------------------------------------------------------------------


def test_the_linter_has_nothing_to_say() -> None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("hadolint is installed on Linux x86_64 only")
    linter = Path(sys.executable).with_name("hadolint")
    ran = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_both_stages_begin_with_the_same_python_as_ours() -> None:
    bases = {line.rest.partition(" AS ")[0] for lines in STAGES.values() for line in lines if line.word == "FROM"}
    [base] = bases
    assert base == "python:3.11-slim-bookworm" and sys.version_info[:2] == (3, 11)


def test_the_last_stage_installs_nothing_and_loses_pip() -> None:
    runs = " ".join(said("RUN"))
    assert "pip uninstall" in runs and "install" not in runs.replace("pip uninstall", "")
    assert not [word for word in ("apt", "gcc", "curl", "wget", "git ") if word in DOCKERFILE.casefold()]


def test_it_does_not_run_as_root_and_listens_where_it_says() -> None:
    [user] = said("USER")
    assert int(user.split(":")[0]) > 0
    words = [line.word for line in FINAL]
    assert words.index("USER") > max(n for n, word in enumerate(words) if word in ("COPY", "RUN"))
    [port] = said("EXPOSE")
    assert f"PORT={port}" in " ".join(said("ENV"))
    assert "--host" in said("CMD")[0]


def test_the_build_sees_what_the_page_needs_and_nothing_else() -> None:
    assert {name.split("/")[0] for name in FILES} == {
        *("app.py", "dance_demo", "examples", "weights"),
        *("requirements.txt", "requirements.lock"),
    }
    assert not [name for name in FILES if name.endswith((".pyc", ".pyi"))]
    assert {
        "weights/backbone.tflite",
        "weights/general.tflite",
        "weights/card.json",
        "dance_demo/ui/templates/base.html",
    } <= set(FILES)


def test_the_rules_of_what_the_build_sees_are_read_as_docker_reads_them() -> None:
    rules = ["*", "!kept", "**/*.pyc", "!kept/one.pyc"]
    wanted = [n for n in ("a", "kept/b", "kept/c/d.pyc", "kept/one.pyc", "x.pyc") if docker_steps._wanted(n, rules)]
    assert wanted == ["kept/b", "kept/one.pyc"]


def test_without_training_the_large_packages_are_left_out_and_the_server_never_asks_for_them() -> None:
    [script] = [line.rest for line in STAGES["packages"] if line.word == "RUN"]
    [expression] = [part for part in script.split("'") if part.endswith("/d")]
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    kept = subprocess.run(["sed", "-E", expression], input=text, capture_output=True, text=True, check=True).stdout
    gone = [line for line in text.splitlines() if line not in kept.splitlines()]
    assert [line.partition("==")[0] for line in gone] == ["tensorflow-cpu", "tensorflow", "keras"]


def lacking(directory: Path, stop: object):  # the work of a job  # noqa: ANN201
    import keras_of_another_world  # noqa: F401

    yield


def test_a_training_that_finds_no_tensorflow_says_what_is_missing(tmp_path: Path) -> None:
    task = Task(lacking, (), tmp_path, tmp_path)
    done = run_task(packed(task), BytesIO(), threading.Event())
    assert isinstance(done, Done)
    assert "it lacks keras_of_another_world. Whoever runs it installs all of requirements.txt." in done.problem


def test_the_container_may_do_little_and_is_watched() -> None:
    assert SERVICE["read_only"] is True and SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert SERVICE["mem_limit"] and SERVICE["pids_limit"]
    assert [place.partition(":")[0] for place in SERVICE["tmpfs"]] == ["/tmp"]
    assert "HOME=/tmp" in " ".join(said("ENV"))  # the one place that can be written to
    [port] = SERVICE["ports"]
    assert port.startswith("${BIND:-127.0.0.1}:") and port.endswith(f":{said('EXPOSE')[0]}")
    assert not {"privileged", "network_mode", "volumes", "pid", "devices"} & SERVICE.keys()
    assert "test" not in SERVICE["healthcheck"] and said("HEALTHCHECK")


# What they lead to ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_lines_of_the_last_stage_lead_to_a_healthy_page_that_names_a_drawing(tmp_path: Path) -> None:
    """With the packages that are installed here instead of those of the first stage; the rest line by line."""
    image = docker_steps.Stage(tmp_path / "image")
    (image.folder / "opt").mkdir(parents=True)
    (image.folder / "opt" / "venv").symlink_to(sys.prefix)
    ours = [
        line
        for line in FINAL
        if line.word != "FROM" and "--from=" not in line.rest and "pip uninstall" not in line.rest
    ]
    docker_steps.carry_out(ours, image, build={}, earlier={}, files=FILES)
    assert (image.folder / "app" / "dance_demo" / "__pycache__").is_dir()
    port, temporary = space.free_port(), tmp_path / "tmp"
    temporary.mkdir()
    assert not docker_steps.healthy(image, port)
    with (tmp_path / "log").open("w") as log:
        process = docker_steps.started(image, port, temporary, stdout=log, stderr=subprocess.STDOUT)
    try:
        photo = (ROOT / space.PHOTO).read_bytes()
        answer = space.first_answer(process, port, photo, tmp_path / "log")
        assert answer["predictions"][0]["label"] == space.FORM
        assert docker_steps.healthy(image, port)
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert not docker_steps.healthy(image, port)
    assert "Traceback" not in (tmp_path / "log").read_text()
