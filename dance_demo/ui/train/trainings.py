"""The trainings and comparisons of all visitors: each is a job that carries the photos that it learns from.

A page keeps only the ids of its jobs. Everything here is forgotten together with the job.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from dance_demo.data.dataset import PhotoDataset
from dance_demo.data.intake import Prepared
from dance_demo.data.splits import distinct
from dance_demo.errors import TrainingError
from dance_demo.files.text import safe_file_name
from dance_demo.jobs.job import Job
from dance_demo.jobs.manager import JobManager
from dance_demo.model.backbone import BACKBONES
from dance_demo.model.directory import cache_folder
from dance_demo.networks.imagenet import is_at_hand
from dance_demo.training.backbones.choice import favourite_of
from dance_demo.training.comparison import ComparisonSettings, compare
from dance_demo.training.config import AUTOMATIC, TrainingConfig
from dance_demo.training.result import TrainingResult
from dance_demo.training.same_photos import Photo, SamePhotos, judges, on_same_photos
from dance_demo.training.selection.methods import affordable
from dance_demo.training.selection.run import FEWEST_FOLDS, FOLDS, SelectionSettings, select_features
from dance_demo.training.train import train
from dance_demo.ui.server.visitors import Visitor


@dataclass(frozen=True, eq=False)
class Material:
    """Photos to learn from, perhaps with labels that their owner has corrected."""

    prepared: Prepared
    dataset: PhotoDataset

    @property
    def name(self) -> str:
        return self.prepared.report.name or "your photos"

    @property
    def file_name(self) -> str:
        """How the names of files that are made of it begin."""
        return safe_file_name(self.name)

    @classmethod
    def of(cls, prepared: Prepared) -> "Material":
        return cls(prepared, prepared.dataset)

    def corrected(self, decisions: dict[int, str | None]) -> "Material":
        """The photos with other labels, or without those whose label is None, by their indices. Raises DatasetError."""
        return replace(self, dataset=self.dataset.relabelled(decisions))


@dataclass(frozen=True, eq=False)
class Training:
    """A training that came to a result, and what it learned from."""

    id: str
    material: Material
    result: TrainingResult

    @cached_property
    def judges(self) -> dict[Photo, tuple[str, str]]:
        """The photos that judged it, each with its label and the answer."""
        return judges(self.result, self.material.dataset)

    @property
    def unseen(self) -> tuple[int, ...]:
        """The indices of the photos that the head has not learned from; of a head from folds there is none."""
        return () if self.result.config.folds else tuple(self.result.held_out.tolist())

    def before(self, others: Sequence["Training"]) -> SamePhotos | None:
        """How the last of the others did on the photos that judged this one, too."""
        known = bool(self.result.evaluation.training_overlap)
        for other in reversed(others):
            same = on_same_photos(other.judges, self.judges)
            if same and known == bool(other.result.evaluation.training_overlap):
                return same
        return None


class Trainings:
    """Starts them and finds them again. `job.about` of each job is its `Material`."""

    def __init__(self, jobs: JobManager) -> None:
        self.jobs = jobs

    def start(self, material: Material, config: TrainingConfig, visitor: Visitor) -> Job:
        """Train on these photos. Raises TrainingError if this visitor has a job already, or the line is full."""
        features = cache_folder() / "features"
        return self.jobs.start(
            train, material.dataset, config, features, owner=visitor.id, origin=visitor.address, about=material
        )

    def compare(self, material: Material, settings: ComparisonSettings, visitor: Visitor) -> Job:
        """Hold a network trained from scratch against a trained head. Raises TrainingError as `start` does."""
        features = cache_folder() / "features"
        return self.jobs.start(
            compare, material.dataset, settings, features, owner=visitor.id, origin=visitor.address, about=material
        )

    def select(self, material: Material, config: TrainingConfig, visitor: Visitor) -> Job:
        """Draw how few features of the config's backbone would do; of an automatic one, of that which is tried first.

        Raises TrainingError as `start` does.
        """
        if material.dataset.sound:
            raise TrainingError("This takes photos. For recordings, compare the heads above.")
        dataset = material.dataset
        backbone = config.backbone
        if backbone == AUTOMATIC:
            backbone, _ = favourite_of(dataset.class_names, tuple(filter(is_at_hand, BACKBONES)))
        fewest = min(distinct([photo.label for photo in dataset.photos], dataset.groups).values())
        settings = SelectionSettings(
            affordable(len(dataset.photos)),
            folds=max(FEWEST_FOLDS, min(fewest, FOLDS)),
            backbone=backbone,
            seed=config.seed,
            cheat=True,
            looks=True,
        )
        features = cache_folder() / "features"
        return self.jobs.start(
            select_features,
            material.dataset,
            settings,
            features,
            owner=visitor.id,
            origin=visitor.address,
            about=material,
        )

    def compares(self, job: Job) -> bool:
        """Whether this is a comparison."""
        return job.kind == f"{compare.__module__}.{compare.__qualname__}"

    def find(self, id: str) -> Training | None:
        """The one with this id, if it came to a result and the server has not forgotten it."""
        job = self.jobs.find(id)
        return Training(job.id, job.about, job.result) if job and isinstance(job.result, TrainingResult) else None

    def active(self, owner: str, ids: Sequence[str]) -> Job | None:
        """The job of this visitor that waits or runs, if it is one of these trainings."""
        job = self.jobs.active(owner)
        return job if job and job.id in ids else None

    def outlived(self, id: str, material: Material | None) -> bool:
        """Whether this job has ended, and was of other photos than these."""
        job = self.jobs.find(id)
        return bool(job and not job.active and not (material and material.dataset is job.about.dataset))

    def known(self, ids: Iterable[str]) -> list[str]:
        """Those of the ids that the server has not forgotten."""
        return [id for id in ids if self.jobs.find(id)]

    def finished(self, ids: Iterable[str]) -> list[Training]:
        """Those that came to a result, in the order of the ids."""
        return [training for id in ids if (training := self.find(id))]
