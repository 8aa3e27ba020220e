"""Name the Indian classical dance in a photo, and see where the model looked.

    import dance_demo

    classifier = dance_demo.load_classifier()
    print(classifier.classify(dance_demo.open_photo("photo.jpg")).predictions[:3])

Nothing is imported before it is asked for: the child process of a job starts with a few kilobytes of ours.
"""

import importlib
from typing import Any

__version__ = "0.2.0"
__all__ = ["__version__", "load_classifier", "open_photo"]

_PUBLIC = {
    "load_classifier": "dance_demo.model.loading",
    "open_photo": "dance_demo.files.photo",
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    if name == "photos":  # asked for by `predict.py` in bundles that were downloaded before 0.2.0
        import warnings

        advice = "dance_demo.photos is gone since 0.2.0; use dance_demo.open_photo."
        warnings.warn(advice, DeprecationWarning, stacklevel=2)
        return importlib.import_module("dance_demo.files.photo")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
