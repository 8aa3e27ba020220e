"""The map as HTML, and what is shown beside it: the photo of a point, or the photos in a box."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import sqrt

from dance_demo.data.dataset import LabeledPhoto, PhotoDataset
from dance_demo.errors import PhotoError
from dance_demo.files.jpeg import thumbnail
from dance_demo.forms import display_name
from dance_demo.model.description import percent
from dance_demo.training.neighbours import Neighbour
from dance_demo.training.projection import Projection
from dance_demo.training.report.tables import Answer
from dance_demo.ui.classify.markup import lookalikes
from dance_demo.ui.components.html import render
from dance_demo.ui.server.files import picture_url
from dance_demo.ui.train.markup import LEAVE_OUT, CellPhoto, ToDecide, options

SIDE, MARGIN = 1000, 40  # of the drawing, in its own units
LARGEST, SMALLEST = 11.0, 6.0  # radius of a point
# Eight shapes of about the same size, around (0, 0) with a radius of 1; eight colours are in the template.
SHAPES = (
    "M-.9 0a.9.9 0 1 0 1.8 0a.9.9 0 1 0-1.8 0Z",
    "M-.8-.8H.8V.8H-.8Z",
    "M0-1.1L1 .8H-1Z",
    "M0-1.15L1.15 0 0 1.15-1.15 0Z",
    "M0 1.1L1-.8H-1Z",
    "M-.38-1.05H.38V-.38H1.05V.38H.38V1.05H-.38V.38H-1.05V-.38H-.38Z",
    "M-1-.5L-.5-1 0-.5 .5-1 1-.5 .5 0 1 .5 .5 1 0 .5-.5 1-1 .5-.5 0Z",
    "M0-1.2L.35-.4 1.2-.35 .5 .2 .75 1.1 0 .6-.75 1.1-.5 .2-1.2-.35-.35-.4Z",
)
SHOWN, THUMBNAIL_PX = 48, 160  # photos of a box


def dataset_map(projection: Projection, dataset: PhotoDataset, answers: Mapping[int, Answer]) -> str:
    """All photos as points with a shape and a colour for each class; those that were named wrong are ringed.

    `answers` are those of the photos that judged, by their index.
    """
    places = (MARGIN + projection.points * (SIDE - 2 * MARGIN)).round().astype(int).tolist()
    points = [
        {
            "index": index,
            "x": x,
            "y": y,
            "kind": kind,
            "words": _words(photo.name, photo.label, answers.get(index)),
            "wrong": index in answers and not answers[index].right,
        }
        for index, ((x, y), kind, photo) in enumerate(zip(places, dataset.class_indices, dataset.photos, strict=True))
    ]
    return render(
        "train/map.dataset_map",
        projection=projection,
        points=points,
        side=SIDE,
        radius=max(SMALLEST, min(LARGEST, LARGEST * sqrt(400 / len(points)))),
        shapes=SHAPES,
        names=[display_name(name) for name in dataset.class_names],
        noun=dataset.noun,
    )


def title(photo: LabeledPhoto, answer: Answer | None) -> str:
    """What a head that had not seen the photo said of it, if there is one."""
    if answer is None:
        return f"Labelled {display_name(photo.label)}"
    return f"Labelled {display_name(photo.label)}, named {display_name(answer.answer)}, {percent(answer.probability)}"


def point(
    shown: CellPhoto, dataset: PhotoDataset, index: int, answer: Answer | None, neighbours: Sequence[Neighbour]
) -> str:
    """The photo of a point beside its heatmap, a choice of what to do with it, and the photos most like it."""
    item = _to_decide(dataset, index, answer, url="")
    about = {"judged": answer is not None, "neighbours": lookalikes(neighbours), "noun": dataset.noun}
    return render("train/map.point", photo=shown, item=item, **about)


def box(dataset: PhotoDataset, indices: Sequence[int], answers: Mapping[int, Answer]) -> str:
    """The first photos of a box, those first that were named wrong, each with a choice, and one for all of them."""
    wrong_first = sorted(indices, key=lambda index: index not in answers or answers[index].right)
    items = []
    for index in wrong_first[:SHOWN]:
        with suppress(PhotoError):  # it may be gone
            url = picture_url(thumbnail(dataset.photos[index].path, THUMBNAIL_PX))
            items.append(_to_decide(dataset, index, answers.get(index), url))
    relabel = [(number, f"Relabel all: {display_name(name)}") for number, name in enumerate(dataset.class_names)]
    for_all = [(LEAVE_OUT, "Leave all out"), *relabel]
    return render("train/map.box", items=items, total=len(indices), for_all=for_all, noun=dataset.noun)


def choose_a_point(noun: str) -> str:
    """What stands beside a map before anything of it is chosen."""
    return render("train/map.choose_a_point", noun=noun)


def _to_decide(dataset: PhotoDataset, index: int, answer: Answer | None, url: str) -> ToDecide:
    photo = dataset.photos[index]
    wrong = answer if answer and not answer.right else None
    suggestion = wrong.answer if wrong else ""
    return ToDecide(
        index=index,
        title=f"Labelled {display_name(photo.label)}" + (f", named {display_name(suggestion)}" if wrong else ""),
        likelihood=percent(wrong.probability) if wrong else "",
        photo=photo.name,
        label=display_name(photo.label),
        options=options(photo.label, suggestion, dataset.class_names),
        url=url,
    )


def _words(name: str, label: str, answer: Answer | None) -> str:
    said = f", named {display_name(answer.answer)}" if answer and not answer.right else ""
    return f"{display_name(label)}{said}: {name}"
