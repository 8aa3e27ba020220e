"""Firefox, driven by its own remote protocol (Marionette), because Playwright drives only a Firefox of its own.

Each message is its length, a colon, and a JSON list: [0, number, command, parameters], answered by
[1, number, error, result].
"""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

STARTS_WITHIN_S = 60
# No word to anybody: every address but files leads to a port at which nobody listens.
SETTINGS = {
    "marionette.port": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
}


class Firefox:
    """A window of it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._stream = self._socket.makefile("rwb")
        self._read()  # it says which protocol it speaks
        self._number = 0
        self.call("WebDriver:NewSession")
        self.call("WebDriver:SetTimeouts", script=120_000, pageLoad=120_000)

    def call(self, command: str, **parameters: Any) -> Any:
        """The result of a WebDriver command."""
        self._number += 1
        message = json.dumps([0, self._number, command, parameters]).encode()
        self._stream.write(b"%d:%s" % (len(message), message))
        self._stream.flush()
        _, _, error, result = self._read()
        assert not error, error
        return result.get("value", result)

    def wait_for(self, condition: str) -> None:
        """Wait until a piece of JavaScript is true in the page."""
        look = f"if ({condition}) {{ clearInterval(timer); done(); }}"
        script = f"const done = arguments[0], timer = setInterval(() => {{ {look} }}, 50)"
        self.call("WebDriver:ExecuteAsyncScript", script=script, args=[])

    def value(self, expression: str) -> Any:
        return self.call("WebDriver:ExecuteScript", script=f"return {expression}", args=[])

    def choose_file(self, selector: str, path: Path) -> None:
        element = self.call("WebDriver:FindElement", using="css selector", value=selector)
        self.call("WebDriver:ElementSendKeys", id=next(iter(element.values())), text=str(path))

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def _read(self) -> Any:
        length = b""
        while (letter := self._stream.read(1)) != b":":
            assert letter, "Firefox has ended"
            length += letter
        return json.loads(self._stream.read(int(length)))


@contextmanager
def running_firefox(program: str, profile: Path) -> Iterator[Firefox]:
    """Firefox with a new profile, without a window on any screen."""
    profile.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in SETTINGS.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [program, "--headless", "--no-remote", "--marionette", "--profile", str(profile)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with closing(Firefox(_port(profile))) as firefox:
            yield firefox
    finally:
        process.terminate()
        process.wait(timeout=30)


def _port(profile: Path) -> int:
    """The port that Firefox has chosen and written down."""
    file, until_s = profile / "MarionetteActivePort", time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until_s:
        if file.is_file() and (text := file.read_text().strip()):
            return int(text)
        time.sleep(0.1)
    raise TimeoutError("Firefox does not start")
