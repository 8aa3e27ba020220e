"""`serve`, which is also `python app.py`: the same options, the same complaints, the same page."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from dance_demo.classroom.lan import check_port
from dance_demo.cli import serve
from dance_demo.errors import DanceDemoError
from tests.support import ROOT

WAYS = (["app.py"], ["-m", "dance_demo", "serve"])


@pytest.mark.parametrize("arguments", [["--classroom", "--share"], ["--key", "a.pem"], ["--port", "many"], ["--wrong"]])
def test_wrong_options_are_explained_by_both_ways_in(arguments):
    said = []
    for way in WAYS:
        ran = subprocess.run([sys.executable, *way, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 2
        said.append(ran.stderr.partition("error: ")[2])
    assert said[0] == said[1] != ""


@pytest.mark.parametrize("port", ["", " ", "many", "-1", "7860.5"])
def test_a_port_of_the_environment_that_is_none_is_a_sentence(port):
    command = [sys.executable, "-m", "dance_demo", "serve"]
    environment = {**os.environ, "PORT": port}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2 and "PORT of the environment, to a number like 7860" in ran.stderr


@pytest.mark.slow
def test_a_page_that_cannot_start_says_why(tmp_path):
    command = [sys.executable, "-m", "dance_demo", "serve", "--port", "0", "--model", str(tmp_path / "nothing")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 1 and ran.stderr.startswith("The app cannot start. There is no model in nothing")


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "::"])
def test_it_serves_the_page(tiny_model: Path, tmp_path: Path, host: str):
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("there is no IPv6 here")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dance_demo", "serve", "--host", host, "--port", str(port)]
    command += ["--model", str(tiny_model)]
    names = {"127.0.0.1": ["127.0.0.1"], "::": ["[::1]", "127.0.0.1"]}.get(host, ["[::1]"])
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as server:
        try:
            until_s = time.monotonic() + 120
            for name in names:
                while (status := health(name, port)) != 200 and server.poll() is None and time.monotonic() < until_s:
                    time.sleep(0.2)
                assert status == 200, (name, (tmp_path / "log").read_text())
        finally:
            server.kill()


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
def test_a_port_that_another_program_has_is_said_before_anything_is_loaded(host):
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("there is no IPv6 here")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DanceDemoError, match=f"Port {port} is taken by another program"):
            check_port(host, port)


def health(name: str, port: int) -> int:
    try:
        return urllib.request.urlopen(f"http://{name}:{port}/health", timeout=5).status
    except urllib.error.URLError:
        return 0


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("", ""),
        ("/", ""),
        ("dance", "/dance"),
        ("/dance/", "/dance"),
        ("/a/b", "/a/b"),
        ("https://x.org/d/", "https://x.org/d"),
    ],
)
def test_the_path_below_which_a_proxy_shows_the_page_may_be_written_in_any_way(given, path):
    assert serve._root_path(given) == path
