"""Two visitors who train at the same time, and a third who brings photos all the while."""

import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from dance_demo.data.illustrations import draw
from tests.load.visitors import Crowd, Visit
from tests.support.headless_page import HeadlessPage
from tests.support.running_app import RunningApp

PHOTOS_OF_A_CLASS = 8


class Trainer:
    """A visitor with a page, and classes of an own name: `word` is in all that belongs to this visitor."""

    def __init__(self, app: RunningApp, word: str, forms: tuple[str, ...]) -> None:
        self.word, self.page = word, HeadlessPage(app)
        self.page.load()
        box, ready = self.page.find(elem_id="data-zip"), self.page.find(elem_id="go-train")
        self.page.values[box] = app.upload(_zip(word, forms), f"{word}.zip")
        self.page.fire(box, "upload")
        self.page.until(lambda: self.page.components[ready]["props"]["visible"])

    def train(self) -> str:
        """Train with the default settings; returns the id of the training."""
        chosen = self.page.find(key="dance-demo-chosen")
        before = self.page.values[chosen]  # stays until another training is done
        self.page.press(elem_id="start-training")
        self.page.until(lambda: self.page.values[chosen] not in (None, "", before))
        return self.page.values[chosen]

    def heard_of(self, word: str) -> bool:
        """Whether anything that the server has told this page has the word in it."""
        return any(word in event for event in self.page.events)

    def forget_events(self) -> None:
        """So that a hundred rounds fit into memory."""
        self.page.events.clear()


def train_together(crowd: Crowd, rounds: int) -> tuple[list[str], int, list[Visit]]:
    """(ids of the trainings, how often one visitor heard of the other, visits of the third meanwhile)."""
    one = Trainer(crowd.app, "lapwing", ("kathakali", "odissi"))
    other = Trainer(crowd.app, "gneiss", ("manipuri", "sattriya"))
    ids, leaks, visits, over = [], 0, [], threading.Event()

    def third() -> None:
        numbers = count()
        while not over.is_set():
            visits.append(crowd.visit(next(numbers)))
            over.wait(0.5)

    with ThreadPoolExecutor(3) as pool:
        bringing = pool.submit(third)
        try:
            for _ in range(rounds):
                ids += pool.map(Trainer.train, (one, other))
                assert one.heard_of(one.word) and other.heard_of(other.word)
                leaks += one.heard_of(other.word) + other.heard_of(one.word)
                one.forget_events(), other.forget_events()
        finally:
            over.set()
        bringing.result()
    return ids, leaks, visits


def _zip(word: str, forms: tuple[str, ...]) -> bytes:
    """A zip of class folders with drawings; word is in the names of classes and files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for form in forms:
            for seed in range(PHOTOS_OF_A_CLASS):
                photo = io.BytesIO()
                draw(form, seed, size=(180, 225)).save(photo, "JPEG", quality=88)
                archive.writestr(f"{word} {form}/{word} {seed}.jpg", photo.getvalue())
    return content.getvalue()
