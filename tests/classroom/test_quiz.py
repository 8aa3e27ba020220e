"""The rounds of the quiz, its scores, and what a client gets to know before it has guessed."""

import base64
import json
import os
import re
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from random import Random
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from dance_demo.classroom.quiz import ROUNDS, SEEDS, Game, Picture, QuizPictures, Round, Scoreboard, fact
from dance_demo.data.illustrations import FORM_NAMES, draw
from dance_demo.files.photo import open_photo
from dance_demo.model.classifier import Classifier, Prediction
from tests.support import ROOT
from tests.support.made_up import pooled
from tests.support.running_app import JSON, RunningApp, running_app

FORMS = tuple(FORM_NAMES)
LESSON = ROOT / "docs" / "lesson.md"
PICTURE = re.compile(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)")


def dealt(pictures: QuizPictures, seed: int) -> list[str]:
    return [picture.label for picture in pictures.deal(Random(seed))]


def played(label: str, guess: str, machine: str) -> Round:
    return Round(label, guess, Prediction(machine, 0.9), True, np.zeros((7, 7)), b"")


# --- pictures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forms", [FORMS, FORMS[:5], FORMS[:3]])
def test_ten_rounds_show_each_form_about_equally_often_and_none_twice_in_a_row(forms):
    for seed in range(300):
        order = dealt(QuizPictures(forms), seed)
        counts = Counter(order)
        assert len(order) == ROUNDS and set(order) == set(forms)
        assert max(counts.values()) - min(counts.values()) <= 1
        assert all(one != other for one, other in pairwise(order))


def test_every_form_comes_first_and_last_now_and_then():
    orders = [dealt(QuizPictures(FORMS), seed) for seed in range(400)]
    for place in (0, -1):
        counts = Counter(order[place] for order in orders)
        assert set(counts) == set(FORMS) and min(counts.values()) > 20  # 50 expected


def test_the_same_seed_deals_the_same_pictures_and_another_seed_does_not():
    pictures = QuizPictures(FORMS)
    assert pictures.deal(Random(1)) == pictures.deal(Random(1)) != pictures.deal(Random(2))
    sources = [picture.source for picture in pictures.deal(Random(1))]
    assert len(set(sources)) == ROUNDS and all(source in SEEDS for source in sources)


def test_photos_in_class_folders_take_the_place_of_drawings(tmp_path):
    for label, count in {"kathak": 9, "odissi": 9, "Sattriya": 9, "salsa": 9, "manipuri": 0}.items():
        (tmp_path / label).mkdir()
        for number in range(count):
            (tmp_path / label / f"{number}.jpg").touch()
        (tmp_path / label / "notes.txt").touch()
    pictures = QuizPictures.find(tmp_path, FORMS)
    assert not pictures.drawn and pictures.labels == ("kathak", "odissi", "sattriya")
    for seed in range(50):
        game = pictures.deal(Random(seed))
        assert len({picture.source for picture in game}) == len(game) == ROUNDS
        assert all(picture.source.parent.name.lower() == picture.label for picture in game)


@pytest.mark.parametrize(
    ("available", "length"),
    [((1, 1, 1), 3), ((30, 1, 1), 5), ((2, 2, 2), 6), ((50, 50, 1), 10), ((1,) * 8, 8), ((9, 0, 0, 3, 1), 9)],
)
def test_where_photos_are_few_a_game_is_shorter_and_still_no_form_comes_twice_in_a_row(available, length):
    photos = {
        form: tuple(Path(f"{form}/{n}.jpg") for n in range(count))
        for form, count in zip(FORMS, available, strict=False)
        if count
    }
    for seed in range(100):
        game = QuizPictures(tuple(photos), photos).deal(Random(seed))
        assert len(game) == length == len({picture.source for picture in game})
        assert all(one.label != other.label for one, other in pairwise(game))


def test_photos_of_two_forms_are_too_few_for_a_quiz(tmp_path):
    for label in ("kathak", "odissi"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.jpg").touch()
    assert QuizPictures.find(tmp_path, FORMS) == QuizPictures(FORMS)


def test_a_model_of_other_classes_has_no_quiz(tmp_path):
    assert QuizPictures.find(tmp_path / "missing", ("rose", "tulip", "daisy")).labels == ()


# --- a game ------------------------------------------------------------------------------------------------


def new_game(classifier: Classifier, *pictures: Picture) -> tuple[Game, Scoreboard]:
    scoreboard = Scoreboard(classifier.class_names)
    return Game(pictures or (Picture("odissi", 1), Picture("kathak", 2)), classifier, scoreboard), scoreboard


def guesses(scoreboard: Scoreboard) -> int:
    return scoreboard.standing().total.guesses


def test_a_game_goes_from_picture_to_picture_and_ends(classifier):
    game, scoreboard = new_game(classifier)
    first = game.show()
    assert (first.number, first.length, first.rounds, first.guessed, first.over) == (0, 2, (), False, False)
    game.guess(0, "odissi")
    assert game.show().jpeg == first.jpeg and game.show().rounds[0].right
    game.go_on()
    assert not game.show().guessed and game.show().jpeg != first.jpeg
    game.guess(1, "odissi")
    assert not game.show().rounds[1].right
    game.go_on()
    assert game.show().over and game.show().jpeg == b"" and guesses(scoreboard) == 2


def test_the_machine_answers_the_very_picture_that_is_shown(classifier):
    game, _ = new_game(classifier)
    answer = classifier.classify(open_photo(game.show().jpeg))
    game.guess(0, "kathak")
    round = game.show().rounds[0]
    assert (round.machine, round.sure) == (answer.top, answer.sure)
    np.testing.assert_array_equal(round.heatmap, classifier.heatmap(answer, answer.top.label))


def test_the_first_guess_counts_and_no_other(classifier):
    game, scoreboard = new_game(classifier)
    game.guess(1, "kathak")  # not its turn yet
    assert game.show().rounds == () and guesses(scoreboard) == 0
    game.guess(0, "kathak")
    game.guess(0, "odissi")  # now the answer is known
    assert [round.guess for round in game.show().rounds] == ["kathak"]
    game.go_on()
    game.guess(0, "odissi")  # an old request once more
    game.guess(-1, "odissi")
    assert len(game.show().rounds) == 1 == guesses(scoreboard)


def test_no_picture_can_be_left_before_it_was_guessed(classifier):
    game, _ = new_game(classifier)
    game.go_on()
    assert game.show().number == 0
    game.guess(0, "odissi")
    game.go_on()
    game.go_on()  # a double click
    assert game.show().number == 1


def test_of_many_guesses_at_once_one_counts(classifier):
    for _ in range(5):
        game, scoreboard = new_game(classifier)
        together = threading.Barrier(8)

        def guess(label: str, game: Game = game, together: threading.Barrier = together) -> None:
            together.wait()
            game.guess(0, label)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(guess, classifier.class_names))
        assert len(game.show().rounds) == 1 == guesses(scoreboard)


def test_a_photo_that_is_gone_is_left_out(classifier, tmp_path):
    draw("sattriya", 5, size=(120, 150)).save(tmp_path / "there.jpg")
    gone, there = Picture("odissi", tmp_path / "gone.jpg"), Picture("sattriya", tmp_path / "there.jpg")
    game, _ = new_game(classifier, gone, there, gone)
    assert (game.show().number, game.show().length) == (0, 2)
    game.guess(0, "sattriya")
    assert game.show().rounds[0].right
    game.go_on()
    assert game.show().over


def test_a_guess_before_anything_was_shown_is_about_the_first_picture(classifier):
    game, _ = new_game(classifier)
    game.guess(0, "odissi")
    assert game.show().rounds[0].right


def test_the_picture_holds_pixels_and_nothing_else(classifier, tmp_path):
    photo = draw("odissi", 3, size=(900, 1200))
    exif = Image.Exif()
    exif[0x010E] = "This is Odissi"
    photo.save(tmp_path / "x.jpg", exif=exif, comment=b"odissi")
    game, _ = new_game(classifier, Picture("odissi", tmp_path / "x.jpg"))
    assert_only_pixels(game.show().jpeg)
    assert max(open_photo(game.show().jpeg).size) == 600


def assert_only_pixels(jpeg: bytes) -> None:
    """No comment and no application data but the plain JFIF header."""
    place = 2
    while jpeg[place + 1] != 0xDA:  # the pixels
        marker, size = jpeg[place + 1], int.from_bytes(jpeg[place + 2 : place + 4], "big")
        assert marker not in range(0xE1, 0xF0) and marker != 0xFE
        assert marker != 0xE0 or (jpeg[place + 4 : place + 9] == b"JFIF\0" and size == 16)
        place += 2 + size


def test_a_fact_is_told_of_the_form_or_of_what_it_was_taken_for():
    assert "Silver filigree" in fact(played("odissi", "odissi", "odissi"))
    assert "resembles those of Bharatanatyam" in fact(played("odissi", "kuchipudi", "odissi"))
    assert fact(played("salsa", "odissi", "odissi")) == ""


# --- the score of everybody --------------------------------------------------------------------------------


def test_the_score_counts_people_and_machine_by_form_and_names_what_is_mixed_up_most():
    board = Scoreboard(FORMS)
    assert board.standing().total.guesses == 0 and board.standing().confused is None
    for label, guess, machine in [
        ("odissi", "odissi", "odissi"),
        ("odissi", "kuchipudi", "odissi"),
        ("odissi", "kuchipudi", "kathak"),
        ("kathak", "manipuri", "kathak"),
    ]:
        board.add(played(label, guess, machine))
    now = board.standing()
    odissi = next(form for form in now.forms if form.label == "odissi")
    assert (odissi.guesses, odissi.right, odissi.machine_right) == (3, 1, 2)
    assert (now.total.guesses, now.total.right, now.total.machine_right) == (4, 1, 3)
    assert now.confused == ("odissi", "kuchipudi", 2)


def test_no_guess_is_lost_when_many_count_at_once():
    board = Scoreboard(FORMS)

    def many(label: str) -> None:
        for number in range(500):
            board.add(played(label, FORMS[number % 8], "odissi"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(many, FORMS))
    now = board.standing()
    assert (now.total.guesses, now.total.machine_right) == (4000, 500)
    assert all(form.guesses == 500 for form in now.forms)


# --- what a client is told ---------------------------------------------------------------------------------


class Client:
    """A visitor's program that calls what the page calls, and keeps all that it was sent."""

    def __init__(self, app: RunningApp, session: str) -> None:
        self.app, self.session = app, session
        components = json.loads(app.ask("GET", "/config")[1])["components"]
        standing = next(one["id"] for one in components if one["props"].get("elem_id") == "quiz-standing")
        mine = [one for one in app.endpoints() if standing in one["outputs"]]
        self.ids = {re.sub(r"_\d+$", "", one["api_name"]): one["id"] for one in mine}  # start_2: there are other starts

    def __call__(self, name: str, data: list | None = None, **event: object) -> str:
        body = {"data": data or [], "fn_index": self.ids[name], "session_hash": self.session, "event_data": event}
        assert self.app.ask("POST", "/gradio_api/queue/join", json.dumps(body), JSON)[0] == 200
        return self.app.ask("GET", f"/gradio_api/queue/data?session_hash={self.session}", timeout_s=60)[1]


def output(events: str) -> list:
    """What came of a call, as the page gets it."""
    messages = [json.loads(line[5:]) for line in events.splitlines() if line.startswith("data:")]
    done = next(message for message in messages if message["msg"] == "process_completed")
    assert done["success"], done
    return done["output"]["data"]


def without_picture(events: str) -> str:
    """All words of the events but the pixels, and what differs from call to call: ids and times."""
    text = PICTURE.sub("PIXELS", events)
    text = re.sub(r'"(event_id|session_hash)": ?"[^"]*"', "ID", text)
    messages = {line for line in text.splitlines() if "process_completed" in line or "process_starts" in line}
    return re.sub(r'("\w*(duration|time|eta)\w*"): ?[^,}]+', r"\1", "\n".join(sorted(messages)))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("quiz app")) as app:
        yield app
    assert "Traceback" not in app.log


def test_Q1_what_a_client_gets_before_its_guess_is_the_same_whatever_the_picture_shows(app):
    told, answers = set(), []
    for number in range(8):
        client = Client(app, f"player{number}")
        before = client("start")
        pictures = PICTURE.findall(before)
        assert pictures and len(set(pictures)) == 1
        assert_only_pixels(base64.b64decode(pictures[0]))
        told.add(without_picture(before))
        after = json.dumps(output(client("guess", [None], picture=0, choice=0)))
        answers.append(re.search(r"it is (\w+)", after, re.IGNORECASE)[1])
    assert len(set(answers)) > 2
    assert len(told) == 1
    names = Counter(re.findall("bharatanatyam|kathakali|kathak|kuchipudi|manipuri|odissi", told.pop().lower()))
    assert len(set(names.values())) == 1
    assert [path for path in app.uploads.rglob("*.jp*g")] == []  # nor lies the picture at an address


def test_Q1_one_guess_counts_however_often_and_with_what_it_is_sent(app):
    client = Client(app, "cheat")
    before = people(client)
    client("start")
    client("guess", [None], picture=0, choice=2)
    for choice in range(8):
        client("guess", [None], picture=0, choice=choice)
    assert people(client) == before + 1
    client("go_on", [None])
    for junk in ({"picture": 0, "choice": 1}, {"picture": "1", "choice": 1}, {"picture": 1, "choice": 99}, {}):
        shown = json.dumps(output(client("guess", [None], **junk)))
        assert "Which form is it?" in shown
    assert people(client) == before + 1


def test_whoever_guesses_without_a_game_is_told_to_start_one(app):
    shown = json.dumps(output(Client(app, "late")("guess", [None], picture=0, choice=0)))
    assert "This game is no longer kept. Start a new one." in shown


def people(client: Client) -> int:
    """How many guesses the server has counted."""
    found = re.search(r"(\d+) guess", json.dumps(output(client("show_standing"))))
    return int(found[1]) if found else 0


def test_drawings_of_the_quiz_are_told_apart_by_the_machine(classifier):
    """Else a score against it would mean nothing. Seeds of the quiz, which no model was trained on."""
    pictures = QuizPictures(classifier.class_names).deal(Random(11))
    right = sum(classifier.classify(picture.open()).top.label == picture.label for picture in pictures)
    assert right >= 9


# --- the lesson --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_experiment_of_the_lesson_shows_a_shortcut(classifier, tmp_path):
    """Its script is run as a teacher would; then a linear head is fitted on what is in the folders."""
    from sklearn.linear_model import LogisticRegression

    script = re.search(r"```python\n(.*?)```", LESSON.read_text(encoding="utf-8"), re.DOTALL)[1]
    (tmp_path / "shortcut.py").write_text(textwrap.dedent(script), encoding="utf-8")
    run = [sys.executable, "-B", "shortcut.py"]
    subprocess.run(run, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, timeout=120)

    def features(*files: Path) -> np.ndarray:
        return np.sqrt(pooled(classifier, map(open_photo, files)))

    plain, poster = features(tmp_path / "lesson/a dancer.jpg", tmp_path / "lesson/the same dancer with a poster.jpg")
    held_out_right = {}
    for name in ("plain", "poster"):
        with ZipFile(tmp_path / "lesson" / f"{name}.zip") as archive:
            names = [one for one in archive.namelist() if one.endswith(".jpg")]
        assert Counter(Path(one).parts[-2] for one in names) == {"north": 24, "south": 24}
        folder = tmp_path / "lesson" / name
        x = features(*(sorted(folder.glob("north/*")) + sorted(folder.glob("south/*"))))
        y, held_out = np.repeat(["north", "south"], 24), np.arange(48) % 3 == 0
        head = LogisticRegression(C=10, max_iter=2000).fit(x[~held_out], y[~held_out])
        held_out_right[name] = (head.predict(x[held_out]) == y[held_out]).mean()
    assert held_out_right["plain"] < 0.8 and held_out_right["poster"] > 0.9
    assert list(head.predict([plain, poster])) == ["south", "north"]
