"""What may know what: the layers that pyproject.toml draws, and what only a fresh process can tell."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support import ROOT

SOURCES = [ROOT / "app.py", *sorted((ROOT / "dance_demo").rglob("*.py"))]
SLOW = ("tensorflow", "keras", "matplotlib.pyplot", "sklearn", "torch", "jax", "cv2")
MAY_USE_TENSORFLOW = ("networks.", "training.", "research.")


def module_name(path: Path) -> str:
    """`dance_demo/ui/page.py` -> `ui.page`, `app.py` -> `app`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part not in ("dance_demo", "__init__")) or "dance_demo"


NAMES = {module_name(path): path for path in SOURCES}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, *, inside_functions: bool = True) -> Iterator[str]:
    """Full names of everything that is imported; what is only for type checkers does not count."""
    pending: list[ast.AST] = list(tree(path).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
        elif inside_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)


def users_of(*packages: str, inside_functions: bool = True) -> set[str]:
    return {
        name
        for name, path in NAMES.items()
        for imported in imports(path, inside_functions=inside_functions)
        if any(f"{imported}.".startswith(f"{package}.") for package in packages)
    }


def test_imports_point_one_way_and_lead_nowhere_back():
    """The contracts of import-linter in pyproject.toml; `lint-imports` shows what is against one."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout


def test_tensorflow_is_imported_by_what_trains_alone_and_inside_of_functions():
    assert all(name.startswith(MAY_USE_TENSORFLOW) for name in users_of("tensorflow", "keras"))
    assert not users_of("tensorflow", "keras", inside_functions=False)


def test_scikit_learn_is_only_imported_inside_of_functions():
    assert users_of("sklearn")
    assert not users_of("sklearn", inside_functions=False)


def test_pyplot_and_torch_are_imported_nowhere():
    assert not users_of("matplotlib.pyplot", "pylab", "torch", "jax")


def loaded_by(statement: str) -> set[str]:
    """Which modules a fresh Python has loaded after a statement."""
    code = f"{statement}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-B", "-c", code]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return set(json.loads(ran.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "statement", ["import app", "from dance_demo.ui.page import build_page", "import dance_demo.cli.main"]
)
def test_importing_stays_light(statement):
    loaded = loaded_by(statement)
    assert not [name for name in SLOW if name in loaded]
    assert "ui" in statement or "gradio" not in loaded


def test_what_the_page_knows_of_trainings_is_light():
    names = sorted(name for name in NAMES if name.startswith(("networks.", "training.", "jobs.")))
    loaded = loaded_by(f"import {', '.join(f'dance_demo.{name}' for name in names)}")
    assert not [name for name in (*SLOW, "gradio") if name in loaded]


def test_the_child_of_a_job_starts_with_nothing_of_ours_but_its_pipe():
    loaded = loaded_by("import dance_demo.jobs.worker")
    ours = {name for name in loaded if name.startswith("dance_demo.")}
    assert ours == {"dance_demo.errors", "dance_demo.jobs", "dance_demo.jobs.worker", "dance_demo.jobs.messages"}
    assert not {"numpy", "asyncio", "multiprocessing"} & loaded


def test_a_photo_is_named_without_anything_slow(tiny_model):
    loaded = loaded_by(
        "import dance_demo; from dance_demo.data.illustrations import draw\n"
        f"dance_demo.load_classifier({str(tiny_model)!r}).classify(draw('odissi', 0))"
    )
    assert "ai_edge_litert" in loaded
    assert not [name for name in (*SLOW, "gradio", "pandas") if name in loaded]


def test_every_module_says_what_it_does():
    for path in SOURCES:
        assert ast.get_docstring(tree(path)) or path.name == "__main__.py", path
