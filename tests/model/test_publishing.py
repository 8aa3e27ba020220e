"""Publishing a head and fetching one, with the real client against a Hub on loopback."""

import hashlib
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from dance_demo.model.bundle import LABELS, METRICS, NAMES, PREDICT, README, write_bundle
from dance_demo.model.directory import BACKBONE, CARD, FAMILIARITY, FINE_TUNED, HEAD, sha256
from tests.model.test_bundle import save_trained
from tests.support import ROOT
from tests.support.hub_server import DANCER, STRANGER, ask, command
from tests.support.made_up import tree_hash

NAME = "dancer/my-dances"
MODEL_FILES = {CARD, HEAD, FAMILIARITY}


@pytest.fixture
def trained(tiny_model: Path, tmp_path: Path) -> Path:
    """A head whose backbone the processes below know: theirs is the tiny model."""
    return save_trained(tmp_path / "trained", sha256(tiny_model / BACKBONE))


# --- a head goes there and comes back ----------------------------------------------------------------------


@pytest.mark.parametrize("lfs", [False, True])
def test_a_head_is_published_privately_and_comes_back_byte_for_byte(hub, trained, tmp_path, lfs):
    """As large files, too, which the Hub makes of all .npz; by LFS then, since Xet cannot be spoken here."""
    hub.lfs, settings = lfs, {"HF_HUB_DISABLE_XET": "1"} if lfs else {}
    orders = ["publish", trained, NAME, DANCER, False], ["fetch", NAME, tmp_path / "b", DANCER]
    result, again = ask(hub, tmp_path, *orders, **settings)
    repo = hub.repos["models", NAME]
    assert repo.private and result["private"] and result["url"] == f"{hub.url}/{NAME}"
    assert set(repo.files) == {*NAMES, ".gitattributes"} - {FINE_TUNED}
    assert tree_hash(Path(again["model"])) == tree_hash(trained)
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["model"]
    assert result["address"] == again["address"]
    assert result["address"] == f"hf://{NAME}@{repo.head}#{sha256(Path(again['model']) / CARD)}"
    assert hub.tokens() == {DANCER}
    assert bool(hub.objects) == lfs


def test_the_card_tells_the_hub_how_good_it_is_and_on_how_many_photos(hub, trained, tmp_path):
    ask(hub, tmp_path, ["publish", trained, NAME, DANCER, False])
    readme = hub.repos["models", NAME].files[README].decode()
    from huggingface_hub import ModelCard

    card, told = ModelCard(readme), json.loads((trained / CARD).read_text())["evaluation"]
    accuracy = card.data.eval_results[0]
    assert card.data.model_name == "my-dances" and card.data.pipeline_tag == "image-classification"
    assert accuracy.metric_type == "accuracy" and accuracy.metric_value == told["accuracy"]
    low, high = told["accuracy_interval"]
    assert accuracy.metric_name == f"Accuracy (n = {told['n']}, 95 % interval {100 * low:.1f} % to {100 * high:.1f} %)"
    assert (
        accuracy.dataset_name == "Held-out photos of 3 classes, not published"
        and accuracy.dataset_args["n"] == told["n"]
    )
    assert "type `dancer/my-dances` under" in card.text and "upload this zip" not in card.text


def test_nothing_of_the_photos_is_sent(hub, trained, tmp_path):
    """Only what a bundle holds, and of that the texts tell of classes and figures."""
    ask(hub, tmp_path, ["publish", trained, NAME, DANCER, False])
    files = hub.repos["models", NAME].files
    assert sum(map(len, files.values())) < 100_000
    for name in (CARD, README, LABELS, METRICS, PREDICT):
        assert not re.search(rb"\.(jpe?g|png|webp|zip)\b(?!`)", files[name].replace(b"photo.jpg", b"")), name


def test_what_is_published_again_is_one_more_commit_and_the_old_address_still_holds(hub, trained, tmp_path):
    other = save_trained(tmp_path / "other", json.loads((trained / CARD).read_text())["training"]["backbone_sha256"],
                         name="Other")  # fmt: skip
    first, second = ask(
        hub, tmp_path, ["publish", trained, NAME, DANCER, False], ["publish", other, NAME, DANCER, False]
    )
    assert first["address"] != second["address"] and len(hub.repos["models", NAME].commits) == 3
    old, new, wrong = ask(
        hub,
        tmp_path,
        ["fetch", first["address"], tmp_path / "1", DANCER],
        ["fetch", second["address"], tmp_path / "2", DANCER],
        ["fetch", f"{first['address'].partition('#')[0]}#{'0' * 64}", tmp_path / "3", DANCER],
    )
    assert tree_hash(Path(old["model"])) == tree_hash(trained) and tree_hash(Path(new["model"])) == tree_hash(other)
    assert wrong == f"ModelError: {CARD} of {NAME} is not the file that was pinned (its SHA-256 differs)."
    assert not list((tmp_path / "3").rglob("*.npz"))


def test_a_public_one_is_public_only_when_asked_for_and_anybody_can_fetch_it(hub, trained, tmp_path):
    result, again, refused = ask(
        hub,
        tmp_path,
        ["publish", trained, NAME, DANCER, True],
        ["fetch", NAME, tmp_path / "b", ""],
        ["publish", trained, NAME, DANCER, False],
    )
    assert not hub.repos["models", NAME].private and not result["private"]
    assert tree_hash(Path(again["model"])) == tree_hash(trained)
    assert refused == f"ModelError: {NAME} is public already. Choose another name, or publish it for everybody to see."
    assert len(hub.repos["models", NAME].commits) == 2


def test_whose_token_it_is_decides_and_none_is_borrowed(hub, trained, tmp_path):
    """HF_TOKEN of whoever runs the server is never used for somebody else."""
    hub.add(NAME, {"README.md": b"mine"}, private=True)
    answers = ask(
        hub,
        tmp_path,
        ["publish", trained, "dancer/new", "", False],
        ["publish", trained, "dancer/new", "hf_wrong", False],
        ["publish", trained, "dancer/new", STRANGER, False],
        ["publish", trained, NAME, DANCER, False],
        ["fetch", NAME, tmp_path / "b", ""],
        ["fetch", NAME, tmp_path / "b", STRANGER],
        ["photos", NAME, tmp_path / "c", ""],
        HF_TOKEN=DANCER,
    )
    told = [answer.partition(": ")[2] for answer in answers]
    assert told[0].startswith("There is no token of yours to publish with.")
    assert told[1].startswith("The Hub does not accept this token (401).")
    assert told[2].startswith("This token has no right to do that with dancer/new (403).")
    assert told[3] == f"{NAME} holds something else than a head of this app. Choose another name."
    assert (
        told[4]
        == f"{NAME} is not on the Hub, or it is private. Check the name. To reach a private one, use your own token."
    )
    assert told[5] == f"{NAME} is not on the Hub, or it is private. Check the name."
    assert answers[6].startswith(f"DatasetError: {NAME} is not on the Hub")
    assert hub.repos["models", NAME].files["README.md"] == b"mine" and set(hub.repos) == {("models", NAME)}
    # DANCER was sent for the one order that said so
    sent = [(path, token) for _, path, token in hub.requests if token == DANCER]
    assert {path for path, _ in sent} <= {"/api/whoami-v2", "/api/repos/create", f"/api/models/{NAME}",
                                          f"/api/models/{NAME}/tree/main"}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/api/repos/create", 429, "The Hub has had too many requests from here (429). Try again in a few minutes."),
        ("/api/repos/create", 503, "The Hub has trouble of its own (503). Try again later."),
        ("/api/repos/create", 418, "The Hub refused that (418)."),
        (r".*/preupload/main", 403, "This token has no right to do that with dancer/my-dances (403)."),
        (r".*/commit/main", 413, "The Hub says that this is too large (413)."),
    ],
)
def test_what_the_hub_refuses_is_told_in_a_sentence(hub, trained, tmp_path, path, status, sentence):
    hub.troubles = [("POST", path, status)]
    [told] = ask(hub, tmp_path, ["publish", trained, NAME, DANCER, False])
    assert told.startswith(f"ModelError: {sentence}"), told
    assert not set(hub.repos.get(("models", NAME), SimpleNamespace(files={})).files) & MODEL_FILES


def test_without_a_network_or_with_the_offline_switch_it_says_so_at_once(hub, trained, tmp_path):
    orders = (
        ["publish", trained, NAME, DANCER, False],
        ["fetch", NAME, tmp_path / "b", ""],
        ["photos", NAME, tmp_path, ""],
    )
    offline = ask(hub, tmp_path, *orders, HF_HUB_OFFLINE="1")
    assert all(
        told.endswith("The Hub was not asked, because HF_HUB_OFFLINE is set here. Start without it.")
        for told in offline
    )
    gone = ask(hub, tmp_path, *orders, HF_ENDPOINT="http://127.0.0.1:9")
    assert all("The Hub cannot be reached (ConnectionRefusedError). Check the connection" in told for told in gone)
    assert not hub.requests


# --- what strangers publish --------------------------------------------------------------------------------


def test_S6_a_head_of_somebody_is_checked_like_an_uploaded_bundle(hub, trained, tmp_path):
    good = {path.name: path.read_bytes() for path in trained.iterdir()}
    forged = {
        "s/changed": good | {HEAD: good[FAMILIARITY]},
        "s/pickle": good | {HEAD: b"\x80\x04N."},
        "s/no-card": {HEAD: good[HEAD], FAMILIARITY: good[FAMILIARITY], "model.h5": b"x"},
        "s/no-json": good | {CARD: b"[" * 10_000},
        "s/empty": {},
    }
    for repo, files in forged.items():
        hub.add(repo, files)
    told = ask(hub, tmp_path, *(["fetch", repo, tmp_path / repo, ""] for repo in forged))
    assert all(isinstance(one, str) and one.startswith("ModelError: ") for one in told), told
    assert told[2] == f"ModelError: s/no-card is not a head from this app ({CARD} is missing)."
    assert "s/no-json is not a head from this app (card.json is not the card of a model)" in told[3]
    assert not list((tmp_path / "s").rglob("*.npz"))


def test_S6_a_network_beside_a_head_is_neither_fetched_nor_run(hub, trained, tmp_path):
    """LiteRT is C++ and trusts its file: it opens networks that ship, or whose hash was written down here."""
    good = {path.name: path.read_bytes() for path in trained.iterdir()}
    network = b"\x1c\0\0\0TFL3" + b"\xff" * 400  # all its offsets lead out of it
    card = json.loads(good[CARD])
    card["files"][BACKBONE] = hashlib.sha256(network).hexdigest()
    hub.add("s/beside", good | {BACKBONE: network})
    hub.add("s/named", good | {BACKBONE: network, CARD: json.dumps(card).encode()})
    beside, named = ask(hub, tmp_path, *(["fetch", f"s/{name}", tmp_path / name, ""] for name in ("beside", "named")))
    assert sorted(path.name for path in Path(beside["model"]).iterdir()) == [CARD, FAMILIARITY, HEAD]
    assert "card.json: its hashes are not those of head.npz and familiarity.npz" in named
    assert not [path for path in hub.paths("GET") + hub.paths("HEAD") if path.endswith(BACKBONE)]


def test_S6_sizes_are_judged_by_the_list_before_anything_is_fetched(hub, trained, tmp_path):
    hub.add("s/large", {path.name: path.read_bytes() for path in trained.iterdir()})
    for name, size in ((HEAD, 4 << 40), (CARD, 2_000_000)):
        hub.sizes = {name: size}
        [told] = ask(hub, tmp_path, ["fetch", "s/large", tmp_path / "b", ""])
        assert told == "ModelError: s/large is not a head from this app (it is larger than 20 MB)."
    assert not [path for path in hub.paths("GET") + hub.paths("HEAD") if "/resolve/" in path]


# --- from the command line ---------------------------------------------------------------------------------


def test_the_command_line_publishes_a_bundle_with_the_environments_token_and_fetches_it(hub, trained, tmp_path):
    bundle = write_bundle(trained, tmp_path / "bundle.zip")
    refused = command(hub, tmp_path, "publish", bundle, NAME)
    assert refused.returncode == 2 and "There is no token of yours" in refused.stderr
    ran = command(hub, tmp_path, "publish", bundle, NAME, "--json", HF_TOKEN=DANCER)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["private"] and DANCER not in ran.stdout + ran.stderr
    ran = command(hub, tmp_path, "fetch", told["address"], "--out", tmp_path / "got", HF_TOKEN=DANCER)
    assert ran.returncode == 0 and "of 30 held-out photos right" in ran.stdout, ran.stderr + ran.stdout
    assert tree_hash(tmp_path / "got") == tree_hash(trained)
    again = command(hub, tmp_path, "fetch", NAME, "--out", tmp_path / "got", HF_TOKEN=DANCER)
    assert again.returncode == 2 and "got exists already" in again.stderr
    # what was published is a model for every other command and for the app, pinned
    drawing = next((ROOT / "examples").glob("*.jpg"), None)
    if drawing:
        ran = command(hub, tmp_path, "classify", drawing, "--json", "--model", told["address"], HF_TOKEN=DANCER)
        assert ran.returncode == 0, ran.stderr


def test_a_wrong_path_is_a_sentence(hub, tmp_path, tiny_model):
    ran = command(hub, tmp_path, "publish", tmp_path / "no.zip", NAME, HF_TOKEN=DANCER)
    assert ran.returncode == 2 and "no.zip: there is no such model directory or bundle." in ran.stderr
