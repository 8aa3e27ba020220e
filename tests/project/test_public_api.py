"""What people import: `dance_demo` itself, and nothing slow with it."""

import json
import subprocess
import sys

import pytest

import dance_demo
from tests.support import ROOT


def test_every_public_name_is_there_and_no_other_is_named():
    assert dance_demo.__all__ == sorted(dance_demo.__all__) == dir(dance_demo)
    assert set(dance_demo.__all__) == {"__version__", "load_classifier", "open_photo"}
    for name in dance_demo.__all__:
        assert getattr(dance_demo, name)
    namespace: dict[str, object] = {}
    exec("from dance_demo import *", namespace)
    assert set(dance_demo.__all__) <= set(namespace)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'dance_demo' has no attribute 'load_model'"):
        _ = dance_demo.load_model


def test_the_public_names_are_those_of_the_modules():
    from dance_demo.files.photo import open_photo
    from dance_demo.model.loading import load_classifier

    assert dance_demo.open_photo is open_photo and dance_demo.load_classifier is load_classifier


def test_importing_it_loads_nothing_of_ours_or_of_others():
    code = "import json, sys, dance_demo; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-B", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(ran.stdout))
    assert {name for name in loaded if name.startswith("dance_demo")} == {"dance_demo"}
    assert not {"numpy", "PIL", "gradio", "ai_edge_litert", "tensorflow", "huggingface_hub"} & loaded


def test_names_from_before_0_2_still_work_with_a_warning():
    """`predict.py` in bundles that people keep asks for them."""
    with pytest.warns(DeprecationWarning, match="dance_demo.photos is gone since 0.2.0; use dance_demo.open_photo"):
        assert dance_demo.photos.open_photo is dance_demo.open_photo
    from dance_demo import training

    with pytest.warns(DeprecationWarning, match="load_trained is gone since 0.2.0; use dance_demo.load_classifier"):
        assert training.load_trained is dance_demo.load_classifier
