"""The trainings and comparisons of all visitors: each is a job, and what it was given to learn from.

A page keeps only the ids of its jobs. Everything here is forgotten together with the job.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from dance_demo.backbones import cache_folder
from dance_demo.comparison import ComparisonSettings, compare
from dance_demo.dataset import PhotoDataset
from dance_demo.intake import Prepared
from dance_demo.job import Job
from dance_demo.jobs import Jobs
from dance_demo.suspicions import corrected
from dance_demo.training import TrainingConfig, TrainingResult, train
from dance_demo.ui.visit import Visit


@dataclass(frozen=True, eq=False)
class Material:
    """Photos to learn from, perhaps with labels that their owner has corrected."""

    prepared: Prepared
    dataset: PhotoDataset
    corrections: int = 0  # labels changed and photos left out

    @classmethod
    def of(cls, prepared: Prepared) -> "Material":
        return cls(prepared, prepared.dataset)

    def corrected(self, decisions: dict[int, str | None]) -> "Material":
        """The photos with other labels, or without those whose label is None, by their places. Raises DatasetError."""
        dataset = corrected(self.dataset, decisions)
        return replace(self, dataset=dataset, corrections=self.corrections + len(decisions))


@dataclass(frozen=True, eq=False)
class Training:
    """A job that trains, or that compares, as a page sees it."""

    job: Job
    material: Material
    settings: TrainingConfig | ComparisonSettings

    @property
    def result(self) -> TrainingResult | None:
        """What came of it; None before its end, if it failed, or if it was stopped with nothing to keep."""
        return result if isinstance(result := self.job.result, TrainingResult) else None


class Trainings:
    """Starts them and finds them again."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self._about: WeakKeyDictionary[Job, tuple[Material, Any]] = WeakKeyDictionary()

    def start(self, material: Material, config: TrainingConfig, *, owner: str) -> Training:
        """Train on these photos. Raises TrainingError if this visitor has a job already, or the line is full."""
        job = self.jobs.start(train, material.dataset, config, cache_folder() / "features", owner=owner)
        return self._remember(job, material, config)

    def compare(self, material: Material, settings: ComparisonSettings, *, owner: str) -> Training:
        """Hold a network trained from scratch against a trained head. Raises TrainingError as `start` does."""
        job = self.jobs.start(compare, material.dataset, settings, cache_folder() / "features", owner=owner)
        return self._remember(job, material, settings)

    def find(self, id: str) -> Training | None:
        """The one with this id, unless the server has forgotten it."""
        job = self.jobs.find(id)
        about = self._about.get(job) if job else None
        return Training(job, *about) if job and about else None

    def active(self, visit: Visit) -> Training | None:
        """The training of this visitor that waits or runs."""
        job = self.jobs.active(visit.visitor)
        return self.find(job.id) if job and job.id in visit.trainings else None

    def known(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Those of the ids that the server has not forgotten."""
        return tuple(id for id in ids if self.find(id))

    def finished(self, ids: Iterable[str]) -> list[Training]:
        """Those that came to a result, in the order of the ids."""
        found = (self.find(id) for id in ids)
        return [training for training in found if training and training.result]

    def _remember(self, job: Job, material: Material, settings: Any) -> Training:
        self._about[job] = material, settings
        return Training(job, material, settings)
