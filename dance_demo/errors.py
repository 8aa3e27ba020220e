"""What a *user* can cause, as exceptions that say what was found and what to do.

    DanceDemoError
    ├── PhotoError      a file that is not a photo we can read, or too large, or cut off
    ├── DatasetError    a zip, folder or CSV that cannot become a labelled dataset
    ├── ModelError      a model directory that is missing, damaged or does not fit together
    ├── VideoError      a clip that cannot be read, or a server on which none can be
    ├── SoundError      a recording that cannot be read, or in which there is nothing to hear
    └── TrainingError   settings or data that cannot be trained on

Their text is shown to people as it is, so it names the thing, what was found and what to do next.
Mistakes of a programmer stay ``ValueError`` and ``TypeError``.
"""


class DanceDemoError(Exception):
    """Base of everything that a user can fix."""


class PhotoError(DanceDemoError):
    """A photo cannot be read."""


class DatasetError(DanceDemoError):
    """A labelled dataset cannot be read."""

    left_out: tuple[str, ...] = ()  # a line for each file that was left out before


class ModelError(DanceDemoError):
    """A model directory cannot be used."""


class TrainingError(DanceDemoError):
    """A training cannot be started or went wrong for a reason that the user can fix."""


class VideoError(DanceDemoError):
    """A video clip cannot be read."""


class SoundError(DanceDemoError):
    """A recording of sound cannot be read."""
