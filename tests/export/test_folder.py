"""A model as a folder of static files, served as a school's web server would."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dance_demo.cli.main import main
from dance_demo.data.illustrations import draw
from dance_demo.export.formats import FORMATS
from dance_demo.jobs.progress import never
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import BUNDLED
from tests.support.takeaway import opened


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def folder(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site") / "dances"
    assert main(["export", "--as", "folder", "--out", str(path)]) == 0
    return path


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    """Where the folder is served, beside others."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder.parent))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{folder.name}/"
        server.shutdown()


def test_the_folder_is_small_and_can_be_read_by_a_web_server(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 12_000_000
    assert folder.stat().st_mode & 0o055 == 0o055
    assert {path.name for path in folder.parent.iterdir()} == {folder.name}


def test_a_folder_that_is_there_is_never_written_into(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert main(["export", "--as", "folder", "--out", str(folder)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_folder_that_is_stopped_leaves_nothing(classifier: Classifier, tmp_path: Path) -> None:
    list(FORMATS["folder"].write(BUNDLED, tmp_path / "site", lambda: True))
    assert not list(tmp_path.iterdir())
    list(FORMATS["folder"].write(BUNDLED, tmp_path / "site", never))
    assert (tmp_path / "site" / "index.html").is_file()


@pytest.mark.slow
def test_the_folder_answers_and_goes_on_without_a_network(browser: Browser, url: str, tmp_path: Path) -> None:
    draw("odissi", 7, size=(360, 450)).save(tmp_path / "photo.jpg")
    with opened(browser, url, offline=False) as takeaway:
        assert takeaway.choose(tmp_path / "photo.jpg").startswith("Odissi, ")
        takeaway.page.evaluate("navigator.serviceWorker.ready")
        takeaway.page.context.set_offline(True)
        takeaway.page.reload()
        takeaway.page.wait_for_selector("body[data-ready]")
        assert takeaway.choose(tmp_path / "photo.jpg").startswith("Odissi, ")
