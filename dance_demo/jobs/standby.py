"""A child process that has imported slow modules already and waits for the next job.

Importing Keras takes longer than fitting a head to a few hundred photos. At most one child waits, for a limited time:
it holds memory (0.65 GB with Keras and scikit-learn, 0.3 GB of that its own) and does nothing.
"""

import time

from dance_demo.jobs.process import JobProcess


class Standby:
    """The one child that waits. Not safe to share between threads: `JobManager` guards it with its lock."""

    def __init__(self, *, threads: int, kept_s: float) -> None:
        """`threads` is for the numerical libraries of each child. With `kept_s` of 0 nobody ever waits."""
        self._threads = threads
        self._kept_s = kept_s
        self._modules: tuple[str, ...] = ()
        self._process: JobProcess | None = None
        self._until_s = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def want(self, modules: tuple[str, ...]) -> None:
        """From now on, children that wait have imported these."""
        if modules != self._modules:
            self.dismiss()
        self._modules = modules
        self.fill()

    def fill(self) -> None:
        """Have a child wait, from now on for its full time, if one is wanted."""
        if not self._modules or not self._kept_s:
            return
        self._until_s = time.monotonic() + self._kept_s
        if self._process is None or not self._process.alive():
            self.dismiss()
            self._process = JobProcess(self._modules, threads=self._threads)

    def take(self) -> JobProcess:
        """The child that waits, or a new one, which then starts from nothing."""
        process, self._process = self._process, None
        if process and process.alive():
            return process
        if process:
            process.end()
        return JobProcess(threads=self._threads)

    def check(self) -> None:
        """Send the child away when it has waited long enough."""
        if time.monotonic() > self._until_s:
            self.dismiss()

    def dismiss(self) -> None:
        if self._process:
            self._process.end()
        self._process = None
