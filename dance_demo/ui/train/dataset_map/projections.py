"""The maps of trainings: each is made by a job, when somebody opens it for the first time."""

from dance_demo.errors import DatasetError, TrainingError
from dance_demo.jobs.job import Job
from dance_demo.jobs.manager import JobManager
from dance_demo.training.projection import Projection, project_photos
from dance_demo.ui.server.visitors import Visitor
from dance_demo.ui.train.trainings import Training

PATIENCE_S = 60.0  # of whoever opens one, which takes 5 with 500 photos
REMEMBERED = 200
GONE = "What this training learned from is no longer kept here, so there is no map of it."
LATE = "Many others are at work here, and the map is not ready. Open it again in a minute."


class Projections:
    """Makes them, and finds them again for as long as the jobs are known that made them."""

    def __init__(self, jobs: JobManager) -> None:
        self.jobs = jobs
        self._made_by: dict[str, str] = {}  # id of the training -> id of the job

    def of(self, training: Training, visitor: Visitor) -> Projection:
        """Return the map of a training, and wait for it. Raises DatasetError or TrainingError if there is none."""
        job = self.jobs.find(self._made_by.get(training.id))
        if not (job and (job.active or isinstance(job.result, Projection))):
            job = self._begun(training, visitor)
        if not job.wait(PATIENCE_S):
            raise TrainingError(LATE)
        if isinstance(job.result, Projection):
            return job.result
        raise DatasetError(job.problem or GONE)

    def _begun(self, training: Training, visitor: Visitor) -> Job:
        result, dataset = training.result, training.material.dataset
        if result.embeddings is None:
            raise DatasetError(GONE)
        work = project_photos, result.embeddings, dataset.class_indices, dataset.groups, dataset.noun
        job = self.jobs.start(*work, owner=visitor.id, origin=visitor.address)
        self._made_by[training.id] = job.id
        for oldest in list(self._made_by)[:-REMEMBERED]:
            del self._made_by[oldest]
        return job
