"""What the report says in whole sentences: how photos were held out, what to beware of, what no number says."""

from dance_demo.data.dataset import PhotoDataset
from dance_demo.forms import display_name
from dance_demo.model.description import measured, one_of
from dance_demo.training.result import TrainingResult
from dance_demo.training.same_photos import corrections_sentence

FEW_JUDGED = 10  # a class judged on fewer photos has a score that one photo moves by 10 points


def held_out_sentence(result: TrainingResult, dataset: PhotoDataset) -> str:
    """How the photos that judged were kept from those that trained, in plain words."""
    judged, all_of_them, noun = result.evaluation.n, len(dataset.photos), dataset.noun
    copies = f"{dataset.kept_together} never stood on both sides."
    if result.config.folds:
        parts = f"The {all_of_them} {noun} were divided into {result.config.folds} parts."
        if result.n_train < all_of_them:
            return (
                f"{parts} It was stopped before each had been put aside: {judged} {noun} were judged, each by a head "
                f"that had not seen it. {copies} The head that you use has learned from {result.n_train} {noun}."
            )
        return (
            f"{parts} Each part in turn was put aside, a head was trained on the others, and the part that it had not "
            f"seen judged it: {judged} {noun} judged in all, each once. {copies} The head that you use was trained "
            "afterwards, on all of them."
        )
    return (
        f"Of {all_of_them} {noun} {result.n_train} trained the head. The other {judged} were put aside before the "
        f"training began, and only judged it. {copies}"
    )


def limits(result: TrainingResult, dataset: PhotoDataset) -> list[str]:
    """What a reader should not conclude from the accuracy, in sentences."""
    evaluation, noun, sound = result.evaluation, dataset.noun, dataset.sound is not None
    alike = "microphones, rooms, instruments and people" if sound else "cameras, stages, people and seasons"
    giveaways = "Noise, a microphone or an echo" if sound else "A stage, a watermark or a dress"
    low, high = evaluation.accuracy_interval
    few = [display_name(name) for name, score in evaluation.per_class.items() if score.support < FEW_JUDGED]
    found = [
        f"{evaluation.n} {noun} are a sample. Other {noun} of the same kind would give another number; it would "
        f"mostly lie between {measured(low)} and {measured(high)}.",
        f"It holds for {noun} like these: the same {alike}. For {noun} from elsewhere it is usually lower.",
        "The labels count as the truth. Where they are wrong, so is the number.",
        f"The head chooses among its {len(result.class_names)} classes, also for a {one_of(noun)} that is of none of "
        "them. It may say “not sure”, but not always when it should.",
        f"Whoever tries many settings and keeps the best has chosen by these {noun}; the number then flatters.",
        f"A heatmap shows where the evidence lies, not that it is a good reason. {giveaways} can give a class away.",
    ]
    if few:
        found.insert(1, f"Judged on fewer than {FEW_JUDGED} {noun}, so hardly known: {', '.join(few)}.")
    return found


def notes(result: TrainingResult, dataset: PhotoDataset) -> list[str]:
    """What a reader must know before the accuracy."""
    found = [result.evaluation.warning] if result.evaluation.warning else []
    if result.choice:
        found.append(result.choice.sentence)
    if result.fine_tuning:
        found.append(result.fine_tuning)
    if dataset.corrections:
        found.append(corrections_sentence(dataset.corrections))
    if result.stopped:
        found.append("The training was stopped early. This is the best head that there was by then.")
    return found
