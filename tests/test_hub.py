"""Publishing a head and fetching one, and datasets, with the real client against a Hub on loopback."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from dance_demo import hub_dataset
from dance_demo.archive import ArchiveLimits
from dance_demo.bundle import LABELS, METRICS, NAMES, PREDICT, README, write_bundle
from dance_demo.errors import DatasetError, ModelError
from dance_demo.hub_address import HubAddress
from dance_demo.hub_client import Access
from dance_demo.model_store import BACKBONE, CARD, FAMILIARITY, HEAD, sha256
from dance_demo.ui import hub_access
from tests.conftest import ROOT
from tests.hostile import HOSTILE
from tests.hub_server import DANCER, STRANGER, HubServer, carry_out, running_hub
from tests.made_up import jpeg, tree_hash
from tests.test_bundle import save_trained

NAME = "dancer/my-dances"
MODEL_FILES = {CARD, HEAD, FAMILIARITY}


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with running_hub() as server:
        yield server


@pytest.fixture
def trained(tiny_model: Path, tmp_path: Path) -> Path:
    """A head whose backbone the processes below know: theirs is the tiny model."""
    return save_trained(tmp_path / "trained", sha256(tiny_model / BACKBONE))


def environment(hub: HubServer, folder: Path, **settings: str) -> dict[str, str]:
    own = {"HF_HOME": str(folder / "home"), "DANCE_DEMO_MODEL": str(folder / "tiny"), **hub.environment, **settings}
    return {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()} | own


def ask(hub: HubServer, folder: Path, *orders: list, **settings: str) -> list:
    """What came of each order (see `carry_out`); with settings in a process of its own, which reads them at first."""
    if settings:
        code = "import json, sys; from tests.hub_server import carry_out; print(json.dumps(carry_out(sys.argv[1])))"
        line = [sys.executable, "-B", "-c", code, json.dumps(orders, default=str)]
        variables = environment(hub, folder, **settings)
        ran = subprocess.run(line, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0 and not any(token in ran.stdout + ran.stderr for token in (DANCER, STRANGER)), ran
        return json.loads(ran.stdout.splitlines()[-1])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(hub, folder).items():
            patch.setenv(name, value)
        return carry_out(json.dumps(orders, default=str))


def command(hub: HubServer, folder: Path, *arguments: object, **settings: str) -> subprocess.CompletedProcess:
    line = [sys.executable, "-B", "-m", "dance_demo", *map(str, arguments)]
    variables = environment(hub, folder, **settings)
    return subprocess.run(line, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120)


# --- addresses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "repo", "revision", "sha"),
    [
        ("a/b", "a/b", "", ""),
        (" hf://a/b ", "a/b", "", ""),
        ("https://huggingface.co/a/b.c/", "a/b.c", "", ""),
        ("hf://a/b@v1.0", "a/b", "v1.0", ""),
        (f"hf://a/b@{'0' * 40}#{'f' * 64}", "a/b", "0" * 40, "f" * 64),
        (f"a/b#sha256={'f' * 64}", "a/b", "", "f" * 64),
    ],
)
def test_an_address_is_read_as_people_write_it(text, repo, revision, sha):
    address = HubAddress.of_model(text)
    assert (address.repo, address.revision, address.sha256) == (repo, revision, sha)
    assert HubAddress.of_model(str(address)) == address


@pytest.mark.parametrize(
    "bad",
    ["", "a", "a/b/c", "../b", "a/..", "a/.b", "-a/b", "a/b-", "a--b/c", "a/b.git", f"a/{'b' * 97}", "a/b@", "a/b#",
     "a/b@../x", "a/b@x/y", "a/b#0", "http://a/b", "https://evil.example/a/b", "file:///etc/passwd", "a/b?x",
     "a/b\n/c", "a\\b/c", "127.0.0.1:80/a", "a@b/c", "a/b%2e", "ä/b", *HOSTILE],
)  # fmt: skip
def test_S7_what_is_no_address_is_refused_before_anything_is_asked(bad):
    with pytest.raises(
        ModelError, match=r"is not an address on the Hub. Write owner/name, or hf://owner/name@revision"
    ):
        HubAddress.of_model(bad)
    with pytest.raises(DatasetError, match=r"is not an address on the Hub. Write owner/name, or hf://datasets/"):
        HubAddress.of_dataset(bad)


def test_the_address_of_a_dataset_is_told_from_that_of_a_head():
    assert HubAddress.of_dataset("hf://datasets/a/b@main") == HubAddress("a/b", "main", dataset=True)
    assert str(HubAddress.of_dataset("a/b")) == "hf://datasets/a/b"
    with pytest.raises(ModelError, match="This is the address of a dataset"):
        HubAddress.of_model("hf://datasets/a/b")


def test_S12_a_token_is_not_printed():
    assert DANCER not in repr(Access(DANCER)) + str(Access(DANCER)) + f"{[Access(DANCER)]}"


# --- a head goes there and comes back ----------------------------------------------------------------------


@pytest.mark.parametrize("lfs", [False, True])
def test_a_head_is_published_privately_and_comes_back_byte_for_byte(hub, trained, tmp_path, lfs):
    """As large files, too, which the Hub makes of all .npz; by LFS then, since Xet cannot be spoken here."""
    hub.lfs, settings = lfs, {"HF_HUB_DISABLE_XET": "1"} if lfs else {}
    orders = ["publish", trained, NAME, DANCER, False], ["fetch", NAME, tmp_path / "b", DANCER]
    result, again = ask(hub, tmp_path, *orders, **settings)
    repo = hub.repos["models", NAME]
    assert repo.private and result["private"] and result["url"] == f"{hub.url}/{NAME}"
    assert set(repo.files) == {*NAMES, ".gitattributes"}
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
    assert accuracy.metric_name == f"Accuracy (n = {told['n']}, 95 % interval {low:.1%} to {high:.1%})"
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


def test_S6_sizes_are_judged_by_the_list_before_anything_is_fetched(hub, trained, tmp_path):
    hub.add("s/large", {path.name: path.read_bytes() for path in trained.iterdir()})
    for name, size in ((HEAD, 4 << 40), (CARD, 300_000)):
        hub.sizes = {name: size}
        [told] = ask(hub, tmp_path, ["fetch", "s/large", tmp_path / "b", ""])
        assert told == "ModelError: s/large is not a head from this app (it is larger than 20 MB)."
    assert not [path for path in hub.paths("GET") + hub.paths("HEAD") if "/resolve/" in path]


# --- datasets ----------------------------------------------------------------------------------------------

PHOTOS = {seed: jpeg(seed) for seed in range(8)}
FOLDERS = {f"{'kathak' if seed % 2 else 'odissi'}/{seed}.jpg": PHOTOS[seed] for seed in range(8)}
CSV = b"file_name,label\n" + b"".join(b"%d.JPG,%s\n" % (s, b"kathak" if s % 2 else b"odissi") for s in range(8))


def test_datasets_of_each_layout_become_labelled_photos(hub, tmp_path):
    flat = {f"{seed}.JPG": data for seed, data in PHOTOS.items()}
    hub.add(
        "a/train", {f"train/{name}": data for name, data in FOLDERS.items()} | {"test/x/1.jpg": b"no"}, kind="datasets"
    )
    hub.add("a/folders", FOLDERS | {"README.md": b"# a", ".hidden/x/1.jpg": b"no"}, kind="datasets")
    hub.add("a/table", flat | {"metadata.csv": CSV}, kind="datasets")
    in_train = {f"data/train/{name}": data for name, data in flat.items()} | {"data/train/metadata.csv": CSV}
    hub.add("a/deep", in_train | {"data/test/metadata.csv": b"file_name\n"}, kind="datasets")
    kinds = ("train", "folders", "table", "deep")
    found = ask(hub, tmp_path, *(["photos", f"a/{kind}", tmp_path / kind, ""] for kind in kinds))
    for kind, one in zip(kinds, found, strict=True):
        assert sorted(one["labels"]) == ["kathak"] * 4 + ["odissi"] * 4, one
        assert one["layout"].endswith(f"from hf://datasets/a/{kind}@{hub.repos['datasets', f'a/{kind}'].head}")
    fetched = [path for path in hub.paths("GET") if "/resolve/" in path]
    assert not [path for path in fetched if re.search("test|hidden|README", path)]


def test_a_photo_that_is_too_large_is_left_out_by_name_and_too_much_is_refused_unfetched(hub, tmp_path):
    hub.add("a/b", FOLDERS, kind="datasets")
    hub.sizes = {"kathak/1.jpg": 30_000_000}
    [found] = ask(hub, tmp_path, ["photos", "hf://datasets/a/b", tmp_path / "b", ""])
    assert found["skipped"] == ["kathak/1.jpg"] and len(found["labels"]) == 7
    hub.sizes = dict.fromkeys(FOLDERS, 19_999_999) | {"kathak/1.jpg": 20_000_000}
    hub.requests.clear()
    hub.add("a/many", {f"{name}-{n}.jpg": b"" for name in FOLDERS for n in range(2)}, kind="datasets")
    hub.sizes |= {f"{name}-{n}.jpg": 19_000_000 for name in FOLDERS for n in range(2)}
    [told] = ask(hub, tmp_path, ["photos", "a/many", tmp_path / "c", ""])
    assert told == "DatasetError: a/many: 304 MB; the limit is 200 MB. Choose a smaller dataset."
    assert not [path for path in hub.paths("GET") if "/resolve/" in path]


def test_limits_on_the_number_of_files():
    listed = [(f"kathak/{n}.jpg", 1) for n in range(30)]
    with pytest.raises(DatasetError, match=r"a/b: 30 files; the limit is 20. Choose a smaller dataset"):
        hub_dataset.choose("a/b", listed, ArchiveLimits(files=20))
    assert hub_dataset.choose("a/b", listed, ArchiveLimits(files=30)).files == 30


@pytest.mark.parametrize("name", ["a[1].jpg", "a*.jpg", "ka?thak/1.jpg", "[!k]/1.JPEG"])
def test_names_that_look_like_patterns_stand_for_themselves(name):
    other = (f"odissi/{'a' * 9}1.jpg", 50)
    choice = hub_dataset.choose("a/b", [(name, 30_000_000), other, ("kathak/2.jpg", 7)], ArchiveLimits())
    assert [file.name for file in choice.skipped] == [name]
    assert (choice.files, choice.bytes) == (2, 57)


def test_a_dataset_without_photos_says_what_it_has_instead(hub, tmp_path):
    hub.add("a/parquet", {"data/train-0001.parquet": b"x", "README.md": b"x"}, kind="datasets")
    hub.add("a/text", {"README.md": b"x"}, kind="datasets")
    packed, text = ask(hub, tmp_path, *(["photos", f"a/{kind}", tmp_path / kind, ""] for kind in ("parquet", "text")))
    assert "a/parquet keeps its photos in Parquet files, which are not read here" in packed
    assert text.startswith("DatasetError: a/text: no photos found. Expected train/kathak/1.jpg")


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


@pytest.mark.slow
def test_a_dataset_on_the_hub_is_trained_on_from_the_command_line(hub, tiny_model, tmp_path):
    many = {f"train/{'kathak' if seed % 2 else 'odissi'}/{seed}.jpg": jpeg(seed) for seed in range(24)}
    hub.add("a/b", many, kind="datasets")
    arguments = ("train", "hf://datasets/a/b", "--out", tmp_path / "model", "--epochs", 2, "--json")
    ran = command(hub, tmp_path, *arguments, DANCE_DEMO_CACHE=str(tmp_path / "cache"))
    assert ran.returncode == 0, ran.stderr
    assert "Fetching 24 files" in ran.stderr
    told = json.loads(ran.stdout)
    assert told["n_train"] + told["n_validation"] == 24


# --- whose token a page may use ----------------------------------------------------------------------------


def requested(**headers: str) -> SimpleNamespace:
    return SimpleNamespace(
        headers={"host": "127.0.0.1:7860"} | {name.replace("_", "-"): v for name, v in headers.items()}
    )


def page(server_name: str = "127.0.0.1", *, share: bool = False) -> SimpleNamespace:
    return SimpleNamespace(server_name=server_name, share=share)


@pytest.fixture
def with_token(monkeypatch):
    for name in ("SYSTEM", "SPACE_ID", "OAUTH_CLIENT_ID", "DANCE_DEMO_ALLOWED_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN", DANCER)
    return monkeypatch


def test_S12_the_environments_token_serves_only_whoever_sits_at_the_computer(with_token):
    allowed = [
        (requested(), page()),
        (requested(host="localhost:7860"), page("localhost")),
        (requested(host="[::1]:7860"), page("::1")),
    ]
    refused = [
        (requested(), page("0.0.0.0")),
        (requested(), page("192.168.1.5")),
        (requested(), page(share=True)),
        (requested(), page("")),
        (requested(host="dance.example"), page()),
        (requested(host=""), page()),
        (requested(x_forwarded_for="1.2.3.4"), page()),
        (requested(x_real_ip="1.2.3.4"), page()),
        (requested(forwarded="for=1.2.3.4"), page()),
        (requested(via="1.1 proxy"), page()),
    ]
    assert all(hub_access.access_of(None, *case) == Access(DANCER) for case in allowed)
    assert all(hub_access.access_of(None, *case) == Access() for case in refused)
    with_token.setenv("DANCE_DEMO_ALLOWED_HOSTS", "dance.example")
    assert hub_access.access_of(None, *allowed[0]) == Access()


def test_S12_on_a_space_it_is_the_visitors_own_token_or_none(with_token):
    with_token.setenv("SPACE_ID", "a/b")
    assert hub_access.access_of(None, requested(), page()) == Access()  # without hf_oauth, too
    for name in ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL"):
        with_token.setenv(name, "x")
    assert not hub_access.can_sign_in()  # these alone make no Space
    with_token.setenv("SYSTEM", "spaces")
    assert hub_access.can_sign_in()
    assert hub_access.access_of(None, requested(), page()) == Access()
    assert hub_access.access_of(SimpleNamespace(token=STRANGER), requested(), page()) == Access(STRANGER)
