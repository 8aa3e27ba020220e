"""What is exported once for all tests of a format."""

from pathlib import Path

import pytest

from dance_demo.cli.main import main
from dance_demo.model.classifier import Classifier


@pytest.fixture(scope="session")
def exported_page(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model that ships as one page."""
    path = tmp_path_factory.mktemp("exported") / "dances.html"
    assert main(["export", "--as", "page", "--out", str(path)]) == 0
    return path
