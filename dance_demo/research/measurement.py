"""What held-out answers say of a model: the temperature of its head, when it is not sure, and what its card says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dance_demo.model.familiarity import fit_limits
from dance_demo.research.crossvalidation import OutOfFold
from dance_demo.research.photos import TrainingPhotos
from dance_demo.training import plots

CONFUSION, RELIABILITY = "confusion.png", "reliability.png"  # pictures for the model card
INTERVAL = "The interval is a bootstrap over groups of near-duplicates."


@dataclass(frozen=True)
class Measurement:
    """`limits` are those of a `Familiarity`, `evaluation` is for the card, and `pictures` are PNG files by name."""

    temperature: float
    limits: dict[str, float]
    evaluation: dict[str, Any]
    pictures: dict[str, bytes]

    @classmethod
    def of(cls, held_out: OutOfFold, photos: TrainingPhotos, protocol: str) -> "Measurement":
        """From answers to some of `photos`, none of which trained whoever answered; `protocol` says so in words."""
        temperature = held_out.temperature(photos)
        probabilities = held_out.probabilities(temperature)
        limits = fit_limits(held_out.distances, probabilities)
        measured = held_out.evaluation(photos, temperature)
        classes = photos.classes[held_out.indices].tolist()
        return cls(
            temperature,
            limits,
            {**measured.to_json(), **limits, "temperature": temperature, "protocol": protocol},
            {
                CONFUSION: plots.png(plots.confusion(measured)),
                RELIABILITY: plots.png(plots.reliability(probabilities, classes)),
            },
        )

    def write_pictures(self, directory: Path) -> None:
        for name, data in self.pictures.items():
            (directory / name).write_bytes(data)


def as_it_ships(photos: int, trained: int) -> str:
    """The protocol where the network that ships was asked about photos of other sources than those that trained."""
    return (
        f"{photos} photos of other sources than the {trained} photos and drawings that trained; copies and "
        f"crops of those are left out. They were shown to the network that ships. {INTERVAL}"
    )
