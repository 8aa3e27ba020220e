"""A head that a visitor trained, as one zip to keep, to hand on, and to upload again.

    card.json          what it is and how well it does        README.md     the same in words
    head.npz           the head itself                        labels.txt    its classes, one a line
    familiarity.npz    when to say "not sure"                 metrics.json  its evaluation
    fine_tuned.npz     numbers of its backbone that changed,  predict.py    names photos with it
                       if it was fine-tuned

What somebody uploads is trusted in nothing. Only the files on the left are read, as plain numbers and text; nothing in
a bundle can run. A bundle that is not ours in every respect is refused before anything of it is kept.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from dance_demo.errors import DatasetError, ModelError
from dance_demo.files.atomic import write_atomically
from dance_demo.files.zip_archive import ArchiveLimits, pack, read_files
from dance_demo.jobs.progress import Stop
from dance_demo.model.backbone import IMAGENET, Backbone, known_backbone
from dance_demo.model.bundle_card import NotABundle, checked_card
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import (
    CARD,
    FAMILIARITY,
    FINE_TUNED,
    HEAD,
    ModelCard,
    require_new,
    save_model,
    verify,
)
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.fine_tuned import base_of
from dance_demo.model.head import Head
from dance_demo.model.preprocessing import SoundSettings
from dance_demo.model.readme import model_readme

README, PREDICT, LABELS, METRICS = "README.md", "predict.py", "labels.txt", "metrics.json"
NEEDED = (CARD, HEAD, FAMILIARITY)
OPTIONAL = (FINE_TUNED,)
NAMES = (README, *NEEDED, *OPTIONAL, LABELS, METRICS, PREDICT)
MAX_BUNDLE_BYTES = 20_000_000

_PREDICT = '''\
"""Names what photos show: python predict.py PHOTO ... (in the folder of dance_demo, or where that is installed)."""

import sys
from pathlib import Path

sys.path.append(".")
import dance_demo  # noqa: E402

model = dance_demo.load_classifier(Path(__file__).resolve().parent)
for name in sys.argv[1:]:
    best = model.classify(dance_demo.open_photo(name)).predictions[:3]
    print(f"{name}: " + ", ".join(f"{answer.label} {answer.probability:.1%}" for answer in best))
'''

_PREDICT_SOUND = '''\
"""Names what is heard: python predict.py RECORDING ... (in the folder of dance_demo, or where that is installed)."""

import sys
from pathlib import Path

sys.path.append(".")
import dance_demo  # noqa: E402
from dance_demo.files.sound import open_sound  # noqa: E402
from dance_demo.predict.sound import hear  # noqa: E402

model = dance_demo.load_classifier(Path(__file__).resolve().parent)
for name in sys.argv[1:]:
    best = hear(model, open_sound(name)).answer.predictions[:3]
    print(f"{name}: " + ", ".join(f"{answer.label} {answer.probability:.1%}" for answer in best))
'''


def bundle_bytes(model: Path) -> bytes:
    """The bundle of a trained model directory. The same model always gives the same bytes.

    Raises `ModelError` if the directory is damaged.
    """
    return pack(bundle_files(model))


def bundle_files(model: Path) -> dict[str, bytes]:
    """The files of that bundle, by name."""
    card = ModelCard.read(model)
    verify(model, card)
    own = sorted({HEAD, FAMILIARITY, *OPTIONAL} & set(card.files))
    numbers = {name: (model / name).read_bytes() for name in own}
    card = replace(card, files={name: hashlib.sha256(data).hexdigest() for name, data in numbers.items()})
    texts = {
        CARD: card.to_json(),
        README: model_readme(card),
        LABELS: "".join(f"{name}\n" for name in card.class_names),
        METRICS: json.dumps(card.evaluation, indent=1, ensure_ascii=False) + "\n",
        PREDICT: _PREDICT_SOUND if card.sound else _PREDICT,
    }
    files = numbers | {name: text.encode() for name, text in texts.items()}
    return {name: files[name] for name in NAMES if name in files}


def write_bundle(model: Path, out: Path) -> Path:
    """Write `bundle_bytes(model)` to the file `out`, complete or not at all, and return it."""
    write_atomically(out, bundle_bytes(model))
    return out


def read_bundle(path: Path, directory: Path) -> Path:
    """Check an uploaded bundle and save its model into the new `directory`, which is returned.

    Raises `ModelError`, and leaves nothing behind, for a file that is no bundle, and for one whose backbone is not
    known here.
    """
    require_new(directory)
    return save_files(_files(path), directory)


def restore(directory: Path, stop: Stop, bundle: Path) -> Iterator[Path]:
    """`read_bundle` as a job: it reads what strangers send."""
    yield read_bundle(bundle, directory / "model")


def save_files(files: Mapping[str, bytes], directory: Path) -> Path:
    """`read_bundle` of the files in `NEEDED` and of those in `OPTIONAL` that there are, wherever they come from."""
    require_new(directory)
    head = Head.from_npz_bytes(files[HEAD])
    familiarity = Familiarity.from_npz_bytes(files[FAMILIARITY])
    card = checked_card(files, head)
    sound = SoundSettings.of_card(card.sound)
    with tempfile.TemporaryDirectory() as folder:
        backbone = _backbone(files, head, card, Path(folder))
        Classifier(backbone, head, familiarity, card.mirrored_view, sound)  # do they fit?
    about = {name: value for name, value in vars(card).items() if name != "files"}
    save_model(directory, {name: files[name] for name in card.files}, **about)
    return directory


def _files(path: Path) -> dict[str, bytes]:
    limits = ArchiveLimits(
        archive_bytes=MAX_BUNDLE_BYTES,
        files=3 * len(NAMES),  # with what others put beside them
        file_bytes=MAX_BUNDLE_BYTES,
        unpacked_bytes=MAX_BUNDLE_BYTES,
    )
    try:
        files = read_files(path, (*NEEDED, *OPTIONAL), beside=NAMES, limits=limits)
    except DatasetError as error:
        what, _, _ = str(error).removeprefix(f"{path.name}: ").partition(". ")  # what to do is said for photos
        raise NotABundle(what.rstrip(".")) from error
    except FileNotFoundError as error:
        raise ModelError("The uploaded bundle is no longer kept here. Please upload it again.") from error
    missing = [name for name in NEEDED if name not in files]
    if missing:
        raise NotABundle(f"{', '.join(missing)} is missing")
    return files


def _backbone(files: Mapping[str, bytes], head: Head, card: ModelCard, folder: Path) -> Backbone:
    """What the head sees through, with its fine-tuned kernels, if there are some, from a file in `folder`."""
    if FINE_TUNED not in files:
        return Backbone(_known(head.backbone_sha256, card))
    write_atomically(folder / FINE_TUNED, files[FINE_TUNED])
    return Backbone(_known(base_of(files[FINE_TUNED]), card), changes=folder / FINE_TUNED)


def _known(sha256: str, card: ModelCard) -> Path:
    path = known_backbone(sha256)
    if path:
        return path
    if card.training.get("backbone") == IMAGENET:
        raise ModelError(
            "This head was trained on the ImageNet backbone, which is not on this computer yet. "
            "Train once with the ImageNet backbone here, which fetches it, then upload the bundle again."
        )
    raise ModelError(
        f"This head was trained on another backbone ({sha256[:12]}) than those known here. "
        "Use it with the version of this app that made it, or train it again here."
    )
