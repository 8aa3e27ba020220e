"""What the report says in whole sentences: how photos were held out, what to beware of, what no number says."""

from dance_demo.data.dataset import PhotoDataset
from dance_demo.forms import display_name
from dance_demo.model.description import measured
from dance_demo.training.result import TrainingResult
from dance_demo.training.same_photos import corrections_sentence

FEW_JUDGED = 10  # a class judged on fewer photos has a score that one photo moves by 10 points


def held_out_sentence(result: TrainingResult, dataset: PhotoDataset) -> str:
    """How the photos that judged were kept from those that trained, in plain words."""
    judged, photos = result.evaluation.n, len(dataset.photos)
    copies = f"{dataset.kept_together} never stood on both sides."
    if result.config.folds:
        parts = f"The {photos} photos were divided into {result.config.folds} parts."
        if result.n_train < photos:
            return (
                f"{parts} It was stopped before each had been put aside: {judged} photos were judged, each by a head "
                f"that had not seen it. {copies} The head that you use has learned from {result.n_train} photos."
            )
        return (
            f"{parts} Each part in turn was put aside, a head was trained on the others, and the part that it had not "
            f"seen judged it: {judged} photos judged in all, each once. {copies} The head that you use was trained "
            "afterwards, on all of them."
        )
    return (
        f"Of {photos} photos {result.n_train} trained the head. The other {judged} were put aside before the training "
        f"began, and only judged it. {copies}"
    )


def limits(result: TrainingResult) -> list[str]:
    """What a reader should not conclude from the accuracy, in sentences."""
    evaluation = result.evaluation
    low, high = evaluation.accuracy_interval
    few = [display_name(name) for name, score in evaluation.per_class.items() if score.support < FEW_JUDGED]
    found = [
        f"{evaluation.n} photos are a sample. Other photos of the same kind would give another number; it would "
        f"mostly lie between {measured(low)} and {measured(high)}.",
        "It holds for photos like these: the same cameras, stages, people and seasons. For photos from elsewhere it is "
        "usually lower.",
        "The labels count as the truth. Where they are wrong, so is the number.",
        f"The head chooses among its {len(result.class_names)} classes, also for a photo that shows none of them. It "
        "may say “not sure”, but not always when it should.",
        "Whoever tries many settings and keeps the best has chosen by these photos; the number then flatters.",
        "A heatmap shows where the evidence lies, not that it is a good reason. A stage, a watermark or a dress can "
        "give a class away.",
    ]
    if few:
        found.insert(1, f"Judged on fewer than {FEW_JUDGED} photos, so hardly known: {', '.join(few)}.")
    return found


def notes(result: TrainingResult, dataset: PhotoDataset) -> list[str]:
    """What a reader must know before the accuracy."""
    found = [result.evaluation.warning] if result.evaluation.warning else []
    if result.choice:
        found.append(result.choice.sentence)
    if dataset.corrections:
        found.append(corrections_sentence(dataset.corrections))
    if result.stopped:
        found.append("The training was stopped early. This is the best head that there was by then.")
    return found
