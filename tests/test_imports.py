"""What may know what: read from the source with ast, and asked of fresh processes."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

SOURCES = [ROOT / "app.py", *sorted((ROOT / "dance_demo").rglob("*.py"))]
OFFLINE = {"network", "finetune", "crossvalidation", "release", "export", "keras_backbone", "training_photos"}
SLOW = ("tensorflow", "keras", "matplotlib.pyplot", "sklearn", "torch", "jax")
# The page names these, but their functions run in the child process of a job, or are called from the command line.
IN_CHILD = {"training", "comparison", "full_model", "backbones", "features", "head_fitting", "scratch_network"}
MAY_USE_TENSORFLOW = OFFLINE | IN_CHILD
JOBS = {"jobs", "job", "job_process", "job_pipe", "standby", "workplace", "machine", "errors"}


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
    pending = list(tree(path).body)
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


def own_imports(name: str, *, inside_functions: bool = True) -> set[str]:
    """Which of our modules a module imports, anywhere in it."""
    found = set()
    for imported in imports(NAMES[name], inside_functions=inside_functions):
        if imported.startswith("dance_demo."):
            short = imported.removeprefix("dance_demo.")
            found.add(short if short in NAMES else short.rpartition(".")[0] or "dance_demo")
    return found - {"dance_demo"}


def users_of(*packages: str, inside_functions: bool = True) -> set[str]:
    return {
        name
        for name, path in NAMES.items()
        for imported in imports(path, inside_functions=inside_functions)
        if any(f"{imported}.".startswith(f"{package}.") for package in packages)
    }


def test_all_our_imports_name_modules_that_are_there():
    assert {"app", "cli", "ui.page", "photos", "errors", "illustrations"} <= set(NAMES)
    for name in NAMES:
        assert own_imports(name) <= set(NAMES), name


def test_imports_never_lead_back_to_where_they_started():
    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in done:
            for imported in sorted(own_imports(name)):
                visit(imported, (*way, name))
            done.add(name)

    done: set[str] = set()
    for name in NAMES:
        visit(name, ())


def test_nothing_below_the_page_and_the_command_line_knows_them():
    for name in NAMES:
        imported = own_imports(name)
        if name not in ("cli", "__main__"):
            assert not imported & {"cli", "__main__", "app"}, name
        if name != "app" and not name.startswith("ui"):
            assert not any(other.startswith("ui") for other in imported), name


def test_what_answers_visitors_never_imports_what_trains_offline():
    """The command line may, inside of functions; the page and everything below it may not."""
    reached, pending = set(), ["app", "classifier", "model_store"]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += own_imports(name, inside_functions=name not in IN_CHILD)
    assert {"ui.page", "photos", "gradcam"} <= reached
    assert not reached & OFFLINE


def test_jobs_know_nothing_of_the_work_that_they_carry():
    for name in JOBS:
        assert own_imports(name) <= JOBS, name
    assert own_imports("job_child") == {"errors", "job_pipe"}


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ("model_store", "classifier"),
        ("classifier", "backbone"),
        ("classifier", "head"),
        ("dataset", "archive"),
        ("dataset", "photos"),
        ("photos", "errors"),
        ("archive", "errors"),
        ("gradcam", "head"),
        ("jobs", "job"),
        ("job", "job_process"),
        ("job_process", "job_pipe"),
    ],
)
def test_the_arrows_of_the_plan_point_this_way(upper, lower):
    assert lower in own_imports(upper)
    assert upper not in own_imports(lower)


def test_only_the_page_knows_gradio():
    assert all(name.startswith("ui.") or name == "ui" for name in users_of("gradio", "gradio_client"))
    assert users_of("gradio")


def test_tensorflow_is_only_imported_inside_of_functions_of_what_trains():
    assert users_of("tensorflow", "keras") <= MAY_USE_TENSORFLOW
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
    "statement", ["import app", "from dance_demo.ui.page import build_page", "import dance_demo.cli"]
)
def test_importing_stays_light(statement):
    loaded = loaded_by(statement)
    assert not [name for name in SLOW if name in loaded]
    assert "ui" in statement or "gradio" not in loaded


def test_what_the_page_knows_of_trainings_is_light():
    names = sorted((IN_CHILD | JOBS) & set(NAMES))
    loaded = loaded_by(f"import {', '.join(f'dance_demo.{name}' for name in names)}")
    assert not [name for name in (*SLOW, "gradio") if name in loaded]


def test_the_child_of_a_job_starts_with_nothing_of_ours_but_its_pipe():
    loaded = loaded_by("import dance_demo.job_child")
    ours = {name for name in loaded if name.startswith("dance_demo.")}
    assert ours == {"dance_demo.errors", "dance_demo.job_child", "dance_demo.job_pipe"}
    assert not {"numpy", "asyncio", "multiprocessing"} & loaded


def test_a_photo_is_named_without_anything_slow(tiny_model):
    loaded = loaded_by(
        "from dance_demo.model_store import load_classifier; from dance_demo.illustrations import draw\n"
        f"load_classifier({str(tiny_model)!r}).classify(draw('odissi', 0))"
    )
    assert "ai_edge_litert" in loaded
    assert not [name for name in (*SLOW, "gradio", "pandas") if name in loaded]


def test_every_module_says_what_it_does():
    for path in SOURCES:
        assert ast.get_docstring(tree(path)) or path.name == "__main__.py", path
