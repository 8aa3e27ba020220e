"""What `make lint` calls is what `make test` and the hooks of git call."""

import re

import yaml

from tests.support import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
[REPOSITORY] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]


def recipe(target: str) -> tuple[str, str]:
    """What a target needs first, and what it does."""
    found = re.search(rf"^{target}: (.*)\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found, target
    return found[1], found[2]


def test_the_hooks_are_the_tools_of_the_environment_and_download_nothing() -> None:
    assert REPOSITORY["repo"] == "local"
    called = {hook["entry"].split()[0] for hook in REPOSITORY["hooks"]}
    linters = set(re.findall(r"\$\(BIN\)/([\w-]+)", recipe("lint")[1]))
    assert called == {f".venv/bin/{linter}" for linter in linters} and {"ruff", "mypy", "lint-imports"} <= linters
    assert all(hook["language"] == "system" for hook in REPOSITORY["hooks"])


def test_the_tests_begin_with_the_linters() -> None:
    needs, does = recipe("test")
    assert needs == "lint" and "pytest" in does


def test_every_target_that_is_no_file_is_said_to_be_none() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert phony and set(phony[1].split()) == set(re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.MULTILINE))
