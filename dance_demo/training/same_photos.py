"""Two heads are compared on the photos that judged both, by the labels as they are now, and on no others."""

from dataclasses import dataclass

from dance_demo.data.dataset import PhotoDataset
from dance_demo.training.result import TrainingResult

Photo = tuple[str, str]  # by its pixels and its name: the same photos may be uploaded twice


@dataclass(frozen=True)
class SamePhotos:
    """The accuracies, in [0, 1], of the head before and of the head now on the n photos that judged both."""

    n: int
    before: float
    now: float


def judges(result: TrainingResult, dataset: PhotoDataset) -> dict[Photo, tuple[str, str]]:
    """Each photo that judged the head -> its label and the head's answer."""
    answers = [result.class_names[best] for best in result.probabilities.argmax(axis=1)]
    photos = [dataset.photos[index] for index in result.held_out]
    return {
        (photo.pixel_sha256, photo.name): (photo.label, answer) for photo, answer in zip(photos, answers, strict=True)
    }


def on_same_photos(before: dict[Photo, tuple[str, str]], now: dict[Photo, tuple[str, str]]) -> SamePhotos | None:
    """Hold what `judges` gives for two heads against each other; None if no photo judged both."""
    common = before.keys() & now.keys()
    if not common:
        return None
    labels = {photo: now[photo][0] for photo in common}
    right = [sum(heads[photo][1] == labels[photo] for photo in common) / len(common) for heads in (before, now)]
    return SamePhotos(len(common), *right)


def corrections_sentence(corrections: int) -> str:
    """What corrections mean for a number: they have changed the photos that judge, too."""
    made = f"{corrections} corrections were made" if corrections > 1 else "1 correction was made"
    return (
        f"{made} by a person, who changed labels or left photos out after an earlier head had doubted them, also among "
        "the photos that judge. Hold the number against an earlier one only on photos that judged both."
    )
