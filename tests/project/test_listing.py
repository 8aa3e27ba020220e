"""What a newcomer sees who lists a folder: few names, none of which has to be opened to learn what is behind it."""

from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "dance_demo"
FOLDERS = sorted({path.parent for path in PACKAGE.rglob("*.py")})


def listed(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name != "__pycache__"]


def test_the_first_listings_fit_into_a_glance() -> None:
    assert len(listed(PACKAGE)) <= 18
    assert len(listed(PACKAGE / "ui")) <= 16


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_no_folder_holds_more_than_sixteen_modules(folder: Path) -> None:
    assert len(list(folder.glob("*.py"))) <= 16


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_every_folder_is_a_package(folder: Path) -> None:
    assert (folder / "__init__.py").is_file()
