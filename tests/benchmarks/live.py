"""How many answers a second does a running camera get? `python -m tests.benchmarks.live` prints it, end to end.

Chromium's camera shows our drawings, the page takes and draws pictures, and the browser itself answers; then the real
app, started with `--server-live`. Then ten visitors send to it as fast as it lets them, while single photos are asked,
as `gradio_client` does. The browser runs on the same processors as the app, so what is printed is too low rather than
too high.
"""

import io
import os
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path

import httpx
from gradio_client import Client, handle_file
from playwright.sync_api import sync_playwright

from dance_demo.data.illustrations import draw
from dance_demo.ui.server.gradio_routes import LIVE_FRAME
from tests.support.clips import camera_file, on_stage
from tests.support.running_app import RunningApp, running_app

SECONDS, VISITORS, PHOTOS = 10, 10, 20
WANTED_PER_S = {"browser": 20, "server": 8}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder)) as app:
        tell_rate(app, Path(folder), "browser")
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder), "--server-live") as app:
        tell_rate(app, Path(folder), "server")
        alone = single_photos(app, Path(folder))
        with cameras(app) as counts:
            started = time.perf_counter()
            beside = single_photos(app, Path(folder))
            passed_s = time.perf_counter() - started
        print(f"one photo, nothing else on: median {alone[0]:.0f} ms, slowest of {PHOTOS} {alone[1]:.0f} ms")
        print(f"one photo beside {VISITORS} cameras: median {beside[0]:.0f} ms, slowest {beside[1]:.0f} ms")
        answers, busy = counts
        print(
            f"{VISITORS} cameras: {answers / passed_s:.0f} answers a second together, {busy} times told that it is busy"
        )
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def tell_rate(app: RunningApp, folder: Path, who: str) -> None:
    rate = median_rate(app, folder)
    print(f"one camera in Chromium, the {who} answers: {rate:.1f} answers a second (wanted: {WANTED_PER_S[who]})")


def median_rate(app: RunningApp, folder: Path) -> float:
    """Answers a second that the page itself counts, looked at once a second."""
    film = camera_file(folder / "camera.mjpeg", [on_stage(draw("odissi", 5, size=(380, 476)))], frames_each=30)
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    flags = ["--no-sandbox", "--disable-gpu", f"--use-file-for-fake-video-capture={film}", *camera]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page, rates = browser.new_page(), []
        page.set_default_timeout(60_000)
        page.goto(f"{app.url}/#live")
        page.get_by_role("button", name="Start the camera").click()
        page.get_by_text("answers a second").wait_for()
        for _ in range(SECONDS):
            page.wait_for_timeout(1000)
            rates.append(float(page.locator("[data-part=rate]").inner_text().split()[0]))
        browser.close()
    return statistics.median(rates)


def single_photos(app: RunningApp, folder: Path) -> tuple[float, float]:
    """Median and maximum of the milliseconds that one answer takes."""
    path = folder / "photo.jpg"
    draw("kathak", 7, size=(480, 600)).save(path, quality=88)
    client, took = Client(app.url, verbose=False), []
    for _ in range(PHOTOS):
        started = time.perf_counter()
        client.predict(handle_file(path), 3, api_name="/classify")
        took.append(1000 * (time.perf_counter() - started))
    client.close()
    return statistics.median(took), max(took)


class cameras:  # noqa: N801 - used as a function
    """Ten visitors, each sending its next picture when the last is answered, a little later when told to wait."""

    def __init__(self, app: RunningApp) -> None:
        self.app, self.counts, self.over = app, [0, 0], threading.Event()
        buffer = io.BytesIO()
        draw("odissi", 5, size=(320, 400)).save(buffer, "JPEG", quality=80)
        self.picture = buffer.getvalue()

    def __enter__(self) -> list[int]:
        self.threads = [threading.Thread(target=self.send, args=(number,)) for number in range(VISITORS)]
        for thread in self.threads:
            thread.start()
        return self.counts

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def send(self, number: int) -> None:
        with httpx.Client(timeout=60) as client:
            while not self.over.is_set():
                url = f"{self.app.url}{LIVE_FRAME}?visitor={number:016x}"
                answer = client.post(url, content=self.picture, headers={"Content-Type": "image/jpeg"})
                self.counts[answer.status_code != 200] += 1
                time.sleep(0.05 if answer.status_code == 200 else 0.4)


if __name__ == "__main__":
    main()
