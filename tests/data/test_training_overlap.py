"""Photos that the bundled model was trained on are known again, and others are not taken for them."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from dance_demo.data.dataset import LabeledPhoto, PhotoDataset, open_dataset
from dance_demo.data.fingerprint import difference_hash, pixel_sha256
from dance_demo.data.illustrations import draw
from dance_demo.data.training_overlap import HASHES_FILE, PhotoHashes, overlapping_indices, training_hashes
from dance_demo.errors import ModelError
from dance_demo.files.npz import write_arrays
from dance_demo.files.photo import open_photo
from dance_demo.model.directory import save_model
from dance_demo.model.loading import load_classifier
from dance_demo.research.photos import load_training_photos
from tests.conftest import TINY_CLASSES
from tests.support.made_up import jpeg, photo, write_files

TRAINED, OTHER = range(6), range(100, 106)


def folder_of(folder: Path, seeds) -> Path:
    return write_files(folder, {f"{('kathak', 'odissi')[n % 2]}/{n}.jpg": jpeg(n) for n in seeds})


def dataset_of(folder: Path) -> PhotoDataset:
    return open_dataset(folder, workspace=folder)[0]


@pytest.fixture
def trained(tiny_files, tmp_path) -> Path:
    """A model directory that says which photos it was trained on."""
    photos = dataset_of(folder_of(tmp_path / "trained photos", TRAINED))
    save_model(
        tmp_path / "model",
        {**tiny_files, HASHES_FILE: PhotoHashes.of(photos.photos).to_npz_bytes()},
        name="Seen",
        class_names=TINY_CLASSES,
    )
    return tmp_path / "model"


def test_intake_writes_down_both_hashes_of_what_it_read(tmp_path):
    dataset = dataset_of(folder_of(tmp_path / "photos", TRAINED))
    for labeled in dataset.photos:
        read = open_photo(labeled.path)
        assert (labeled.pixel_sha256, labeled.difference_hash) == (pixel_sha256(read), difference_hash(read))


def test_photos_of_the_training_are_found_by_their_places_and_others_are_not(trained, tmp_path):
    dataset = dataset_of(folder_of(tmp_path / "mine", [*OTHER, *TRAINED]))
    indices = overlapping_indices(dataset, model=trained)
    assert {Path(dataset.photos[index].name).stem for index in indices} == {str(seed) for seed in TRAINED}
    assert overlapping_indices(dataset_of(folder_of(tmp_path / "new", OTHER)), model=trained) == ()


def saved_anew(picture: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=60)
    return Image.open(stream)


@pytest.mark.parametrize(
    "changed",
    [
        lambda picture: picture.resize((60, 50)),
        lambda picture: picture.resize((400, 333)),
        saved_anew,
        lambda picture: ImageEnhance.Brightness(picture).enhance(0.9),
    ],
    ids=["smaller", "larger", "saved anew", "darker"],
)
def test_copies_of_training_photos_are_found(changed, trained, tmp_path):
    for seed in TRAINED:
        path = tmp_path / "copies" / ("kathak", "odissi")[seed % 2] / f"{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        changed(open_photo(jpeg(seed))).save(path)
    assert overlapping_indices(dataset_of(tmp_path / "copies"), model=trained) == tuple(range(len(TRAINED)))


def test_without_a_difference_hash_the_very_same_photo_is_still_found(trained, tmp_path):
    photos = [LabeledPhoto(Path("a"), "kathak", "a", pixel_sha256(open_photo(jpeg(seed)))) for seed in (100, 0)]
    assert overlapping_indices(PhotoDataset(tuple(photos), ("kathak",), (0, 1)), model=trained) == (1,)


def test_blank_photos_are_not_taken_for_one_another():
    paper, sky = Image.new("RGB", (50, 40), "white"), Image.new("RGB", (50, 40), "navy")
    assert difference_hash(paper) == difference_hash(sky)
    seen = PhotoHashes.of_pictures([paper])
    assert PhotoHashes.of_pictures([sky, paper]).known_from(seen).tolist() == [False, True]


def test_memory_does_not_grow_with_the_square_of_the_photos():
    random = np.random.default_rng(0)
    many = PhotoHashes(*(random.integers(0, 256, (n, 8 * k), np.uint8) for n, k in ((3000, 4), (3000, 1))))
    assert many.known_from(many).all()
    assert not many.known_from(PhotoHashes(many.pixel_sha256[:0], many.difference_hash[:0])).any()


def test_a_model_that_does_not_say_has_seen_nothing(tiny_model, tmp_path):
    dataset = dataset_of(folder_of(tmp_path / "photos", TRAINED))
    assert training_hashes(tiny_model) is None and overlapping_indices(dataset, model=tiny_model) == ()
    assert overlapping_indices(dataset, model=tmp_path / "nowhere") == ()


def test_the_list_is_that_of_the_model_that_answers(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(trained))
    assert len(overlapping_indices(dataset_of(folder_of(tmp_path / "photos", TRAINED)))) == len(TRAINED)


def test_a_model_with_such_a_list_still_loads_and_is_verified_with_it(trained):
    assert load_classifier(trained).class_names == TINY_CLASSES
    (trained / HASHES_FILE).write_bytes(b"")
    with pytest.raises(
        ModelError, match=f"{HASHES_FILE} in model is incomplete or was changed. Install the weights again"
    ):
        training_hashes(trained)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        write_arrays({"pixel_sha256": np.zeros((2, 32), np.uint8)}),
        write_arrays({"pixel_sha256": np.zeros((2, 32), np.uint8), "difference_hash": np.zeros((3, 8), np.uint8)}),
        write_arrays({"pixel_sha256": np.zeros((2, 8), np.uint8), "difference_hash": np.zeros((2, 8), np.uint8)}),
        write_arrays({"pixel_sha256": np.zeros((2, 32), np.uint8), "difference_hash": np.zeros((2, 8), np.float32)}),
        write_arrays({"pixel_sha256": np.zeros(64, np.uint8), "difference_hash": np.zeros(16, np.uint8)}),
    ],
    ids=range(6),
)
def test_a_list_of_another_form_is_refused(data, tiny_files, tmp_path):
    save_model(tmp_path / "model", {**tiny_files, HASHES_FILE: data}, name="Seen", class_names=TINY_CLASSES)
    with pytest.raises(ModelError, match="not a list of photos from this app"):
        training_hashes(tmp_path / "model")


def test_what_is_fine_tuned_on_is_written_down_with_drawings_and_all(tmp_path):
    measured, extra = folder_of(tmp_path / "measured", range(10)), folder_of(tmp_path / "extra", [0, 50, 51])
    photos = load_training_photos([measured, extra], cache=tmp_path / "cache", log=lambda line: None).with_drawings(2)
    again = load_training_photos([measured, extra], cache=tmp_path / "cache", log=lambda line: None).with_drawings(2)
    assert photos.hashes.to_npz_bytes() == again.hashes.to_npz_bytes()
    seen = PhotoHashes.from_npz_bytes(photos.hashes.to_npz_bytes())
    assert len(seen) == len(photos) == 10 + 2 + 4
    for folder in (measured, extra):
        assert PhotoHashes.of(dataset_of(folder).photos).known_from(seen).all()
    assert PhotoHashes.of_pictures([draw("odissi", 0), draw("kathak", 1)]).known_from(seen).all()
    assert not PhotoHashes.of_pictures([photo(seed) for seed in OTHER]).known_from(seen).any()


def test_what_a_training_sees_is_the_same_with_and_without_the_hashes(tmp_path):
    """Its checkpoints go by this hash, so it must not change with what is only written down."""

    photos = load_training_photos(
        [folder_of(tmp_path / "m", range(10))], cache=tmp_path / "cache", log=lambda line: None
    )
    assert replace(photos, pixel_sha256=photos.pixel_sha256[:0]).sha256 == photos.sha256


@pytest.mark.slow
def test_hardly_any_photo_of_something_else_is_taken_for_a_training_photo(shared, tmp_path):
    dances = open_dataset(shared / "data" / "dance", workspace=tmp_path)[0]
    clothes = open_dataset(shared / "data" / "other" / "clothing", workspace=tmp_path)[0]
    seen = PhotoHashes.from_npz_bytes(PhotoHashes.of(dances.photos).to_npz_bytes())
    assert PhotoHashes.of(dances.photos).known_from(seen).all()
    false = int(PhotoHashes.of(clothes.photos).known_from(seen).sum())
    print(f"{false} of {len(clothes.photos)} photos of clothes were taken for one of {len(seen)} photos of dances")
    assert false <= 0.005 * len(clothes.photos)
