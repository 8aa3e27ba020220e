"""A head of the visitor's own: features, fit, evaluation, comparison and report."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`predict.py` in bundles that were downloaded before 0.2.0 asks for `training.load_trained`."""
    if name != "load_trained":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import warnings

    import dance_demo

    advice = "dance_demo.training.load_trained is gone since 0.2.0; use dance_demo.load_classifier."
    warnings.warn(advice, DeprecationWarning, stacklevel=2)
    return dance_demo.load_classifier
