"""The real app from outside: what it serves back, what it writes into its log, and where it can start."""

import ast
import io
import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from dance_demo.data.illustrations import draw
from tests.support import ROOT
from tests.support.running_app import FORM, JSON, NEARLY_FULL_DISK, RunningApp, form, running_app

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("app"), PYTHONWARNINGS="ignore") as app:
        yield app


def dancer(side_px: int = 300, **options) -> bytes:
    buffer = io.BytesIO()
    draw("odissi", 3, size=(side_px, side_px)).save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def picture_of(app: RunningApp, events: str) -> bytes:
    """The picture that an answer of `/explain` points at."""
    path = json.loads(events.partition("data: ")[2].splitlines()[0])[0]["path"]
    assert path.startswith(str(app.uploads))
    return Path(path).read_bytes()


# What is served back ----------------------------------------------------------------------------------------------


def test_I12_the_picture_that_is_served_holds_no_metadata(app: RunningApp) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)  # GPS latitude
    photo = dancer(exif=exif, icc_profile=b"SecretProfile" * 20, comment=b"SecretComment")
    assert photo.count(b"Secret") >= 3
    served = picture_of(app, app.call("explain", [app.upload(photo, "gps.jpg"), "odissi"])[1])
    with Image.open(io.BytesIO(served)) as picture:
        assert not picture.getexif() and set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"Secret" not in served and b"Exif" not in served


WEB_PAGE = b"<!DOCTYPE html><script>alert(1)</script>"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", WEB_PAGE),
        ("a.xhtml", WEB_PAGE),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("a.xml", b"<a/>"),
        ("a.js", b"alert(1)"),
        ("a.pdf", b"%PDF-1.7"),
        ("a", WEB_PAGE),
        ("a.html", dancer(40) + WEB_PAGE),
    ],
)
def test_I2_I8_I16_an_uploaded_page_comes_back_as_a_download_only(app: RunningApp, name: str, content: bytes) -> None:
    status, _, headers = app.ask("GET", f"/gradio_api/file={app.upload(content, name)['path']}")
    assert (status, headers["content-type"]) == (200, "application/octet-stream")
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("name", "kind"), [("a.jpg", "image/jpeg"), ("a.png", "image/png"), ("a.txt", "text/plain")])
def test_I16_what_is_shown_in_place_is_never_taken_for_a_page(app: RunningApp, name: str, kind: str) -> None:
    _, _, headers = app.ask("GET", f"/gradio_api/file={app.upload(dancer(40) + WEB_PAGE, name)['path']}")
    assert headers["content-type"].startswith(kind) and headers["x-content-type-options"] == "nosniff"


# What is logged ---------------------------------------------------------------------------------------------------


def test_S10_rejected_files_write_at_most_a_line_each_and_no_colours_or_lines_of_their_own(app: RunningApp) -> None:
    names = [f"{number}\u202egpj.\x1b[31mFAKE\u2028LINE.jpg" for number in range(30)]
    before = app.log
    photos = [app.upload(b"no photo", name) for name in names]
    for photo in photos:
        assert "event: error" in app.call("classify", [photo, 3])[1]
    assert app.call("predict_many", [photos])[1].count("this is a text file") == len(photos)
    added = app.log.removeprefix(before)
    assert added.count("\n") <= len(photos)
    assert "FAKE" not in added and "\x1b" not in added


def test_S10_a_path_cannot_write_lines_into_the_log(app: RunningApp) -> None:
    before = app.log
    for target in ("/%0aFAKE", "/gradio_api/file=%0aFAKE%1b[31m", "/gradio_api/call/a%0aFAKE/b", "/static/%0d%0aFAKE"):
        assert app.ask("GET", target)[0] in (400, 404)
    assert "\nFAKE" not in app.log.removeprefix(before) and "\x1b" not in app.log.removeprefix(before)


# Secrets ----------------------------------------------------------------------------------------------------------

OURS = re.compile(
    r"DANCE_DEMO_(?!PASSWORD)\w+|TF_\w+|\w+_NUM_THREADS|XDG_CACHE_HOME|LOCALAPPDATA|TMPDIR|PORT|SYSTEM|SPACE_ID|SPACE_HOST"
    r"|HF_ENDPOINT|HF_HUB_OFFLINE|GRADIO_MCP_SERVER|GRADIO_ROOT_PATH|KERAS_HOME|FORWARDED_ALLOW_IPS"
)
A_SECRET = re.compile(rb"hf_[A-Za-z0-9]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}")


def environment_names(tree: ast.AST) -> Iterator[str]:
    """Every variable that a module reads or sets by name: os.environ["A"], os.environ.get("A"), os.getenv("A")."""
    for node in ast.walk(tree):
        source = ast.unparse(node) if isinstance(node, ast.Call | ast.Subscript) else ""
        if match := re.match(r"os\.(?:environ(?:\.\w+\(|\[)|getenv\()['\"](\w+)['\"]", source):
            yield match[1]


def test_S12_a_secret_is_asked_for_in_its_one_place() -> None:
    asked = {}
    for path in (ROOT / "app.py", *(ROOT / "dance_demo").rglob("*.py")):
        for name in environment_names(ast.parse(path.read_text(encoding="utf-8"))):
            asked.setdefault(name, set()).add(path.name)
    assert "DANCE_DEMO_MODEL" in asked
    secrets = {name: places for name, places in asked.items() if not OURS.fullmatch(name)}
    assert secrets == {"HF_TOKEN": {"hub_access.py"}, "DANCE_DEMO_PASSWORD": {"serve.py"}}


def test_S12_no_secret_lies_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.split(b"\0")
    paths = [ROOT / name.decode() for name in listed if name] or [p for p in ROOT.glob("*") if p.is_file()]
    assert len(paths) > 5
    assert not [path.name for path in paths if path.is_file() and A_SECRET.search(path.read_bytes())]
    assert not [path.name for path in paths if path.name in (".env", "token", "id_rsa", ".netrc")]


# What a restart forgets -------------------------------------------------------------------------------------------


def test_C17_the_page_says_that_heads_are_not_kept_and_a_forgotten_visit_that_it_has_ended(app: RunningApp) -> None:
    from dance_demo.ui.components.html import render

    assert "Heads are not kept on this server" in " ".join(render("train/use.take").split())
    redraw = next(one for one in app.endpoints() if one["api_name"] == "redraw")
    call = {"data": redraw["values"], "fn_index": redraw["id"], "session_hash": "fromBeforeTheRestart"}
    assert app.ask("POST", "/gradio_api/queue/join", json.dumps(call), JSON)[0] == 200
    events = app.ask("GET", "/gradio_api/queue/data?session_hash=fromBeforeTheRestart")[1]
    assert "This visit has ended and its photo is no longer kept. Choose the photo again." in events


# Where it starts --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cramped_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """No home, no time zone, no UTF-8, no token, no network library that may ask, and a disk that is nearly full."""
    odd = {"HOME": "/dev/null", "TZ": "No/Where", "LC_ALL": "C", "PYTHONWARNINGS": "ignore", "HF_TOKEN": ""}
    with running_app(tmp_path_factory.mktemp("cramped"), after=NEARLY_FULL_DISK, **odd) as app:
        yield app


def test_C18_without_a_home_or_a_time_zone_it_starts_and_answers(cramped_app: RunningApp) -> None:
    photo = cramped_app.upload(dancer(150), "small.jpg")
    assert "event: complete" in cramped_app.call("classify", [photo, 3])[1]
    assert "Traceback" not in cramped_app.log


def test_C8_an_upload_that_the_disk_cannot_take_is_told_so_and_the_app_goes_on(cramped_app: RunningApp) -> None:
    large = form(dancer(1500))
    assert len(large) > 100_000
    for _ in range(3):
        status, text, _ = cramped_app.ask("POST", "/gradio_api/upload", large, FORM)
        assert (status, "No space left on the server; try later." in text) == (503, True), text
    photo = cramped_app.upload(dancer(150), "small.jpg")
    assert "event: complete" in cramped_app.call("classify", [photo, 3])[1]


HASTY = """
from dance_demo.ui import launch
launch.SWEEP_EVERY_S, launch.KEPT_S = 1, 8
"""


def test_C16_files_of_visitors_are_deleted_in_time(tmp_path: Path) -> None:
    with running_app(tmp_path, after=HASTY) as app:
        photo = app.upload(dancer(150), "mine.jpg")
        picture_of(app, app.call("explain", [photo, "odissi"])[1])
        for _ in range(2):  # by the second, the visitor has a heatmap component of his own
            assert "image.jpeg" in app.answer_on_the_page(photo, "visitor")
        assert app.resources()["temporary_mb"] > 0
        give_up = time.monotonic() + 60
        while list(app.uploads.rglob("*.jp*g")) and time.monotonic() < give_up:
            time.sleep(0.2)
        assert not [path for path in app.uploads.rglob("*") if path.is_file()]
        assert "Please upload the picture again" in app.call("classify", [photo, 3])[1]
