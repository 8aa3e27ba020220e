"""What could do harm has one place each in the source, and this list says which and why."""

import ast
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.test_imports import NAMES, OFFLINE, imports, tree

# package -> the modules that may import it
PLACES = {
    "pickle": {"job_pipe"},  # between the server and its own child, through a pipe that nobody else holds
    "dance_demo.job_pipe.unpacked": {"job_process", "job_child"},  # the two ends of that pipe
    "dill": set(),
    "joblib": set(),
    "cloudpickle": set(),
    "importlib.machinery": set(),
    "multiprocessing": set(),
    "subprocess": {"job_process"},  # the child of a job: a command of ours, no word of a visitor in it
    "pty": set(),
    "ctypes": set(),
    "runpy": set(),
    "code": set(),
    "marshal": set(),
    "shelve": set(),
    "dbm": set(),
    "yaml": set(),
    "xml": set(),
    "lxml": set(),
    "tarfile": set(),
    "shutil.unpack_archive": set(),
    "lzma": set(),
    "bz2": set(),
    "av": {"clip_reader"},  # in a process of its own: FFmpeg reads clips of strangers
    "zipfile": {"archive", "arrays"},  # to write; what is read is read byte by byte, see below
    "huggingface_hub": {"model_store", "hub", "hub_client", "hub_card", "hub_dataset"},  # addresses by a pattern only
    "requests": set(),
    "httpx": set(),
    "aiohttp": set(),
    "urllib.request": set(),
    "http.client": set(),
    "socket": {"lan"},  # our own address, and whether a port is free; nothing is sent
    "smtplib": set(),
    "ftplib": set(),
    "telnetlib": set(),
    "webbrowser": set(),
}
# called name -> the modules that may call it; any object before the last dot
CALLS = {
    "eval": set(),
    "exec": set(),
    "__import__": set(),
    "system": set(),
    "popen": set(),
    "fork": set(),
    "execv": set(),
    "execve": set(),
    "spawnv": set(),
    "startfile": set(),
    "extractall": set(),
    "extract": set(),
    "unpack_archive": set(),
    "load_model": set(),
    "model_from_json": set(),
    "from_config": set(),
    "load_module": set(),
    "mktemp": set(),
    "chmod": {"model_store"},
    "Popen": {"job_process"},
    "load_weights": OFFLINE | {"backbones", "fold_models"},  # files of whoever runs the server
    "get_file": {"network"},  # Keras' own download, held against its size, its hash noted in the card
    "import_module": {"job_child"},  # names from the server's command line
}


IMPORTED = {name: set(imports(path)) for name, path in NAMES.items()}


def users_of(*packages: str) -> set[str]:
    starts = tuple(f"{package}." for package in packages)
    return {name for name, found in IMPORTED.items() if any(f"{one}.".startswith(starts) for one in found)}


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a module, with the last part of what is called."""
    for node in ast.walk(tree(NAMES[name])):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2], node


@pytest.mark.parametrize("package", PLACES)
def test_S6_S7_what_could_run_code_or_reach_out_is_imported_in_its_one_place(package):
    assert users_of(package) <= PLACES[package]


def test_S6_what_could_do_harm_is_called_in_its_one_place():
    found = defaultdict(set)
    for name in NAMES:
        for called, _ in calls(name):
            found[called].add(name)
    assert {called: found[called] - CALLS[called] for called in CALLS if found[called] - CALLS[called]} == {}


def test_S6_only_json_is_loaded_from_text_and_only_plain_numbers_from_files():
    for name in NAMES:
        for called, node in calls(name):
            source = ast.unparse(node.func)
            if called == "loads":
                assert source in ("json.loads", "pickle.loads") and (source == "json.loads" or name == "job_pipe")
            for keyword in node.keywords:
                assert keyword.arg != "allow_pickle" or ast.unparse(keyword.value) == "False", name
                assert keyword.arg != "shell" or ast.unparse(keyword.value) == "False", name


def test_S6_no_name_for_something_dangerous_is_made_up_on_the_way():
    """Neither an alias nor a table of functions may hide a call."""
    for name, path in NAMES.items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute | ast.Name):
                word = node.attr if isinstance(node, ast.Attribute) else node.id
                assert word not in ("eval", "exec", "__import__", "__globals__", "__subclasses__", "load_model"), name


def test_D4_zips_of_others_are_read_in_one_place_and_zipfile_only_writes():
    for name in NAMES:
        for called, node in calls(name):
            if called == "ZipFile":
                assert len(node.args) > 1 and ast.unparse(node.args[1]) == "'w'", name
    assert users_of("zlib") <= {"archive", "arrays"}


def test_S1_messages_that_gradio_takes_for_html_are_raised_in_one_place():
    """`gr.Error`, `gr.Warning` and `gr.Info` show HTML; `endpoints` answers programs, which show none."""
    for name in NAMES:
        for called, node in calls(name):
            if ast.unparse(node.func) in ("gr.Error", "gr.Warning", "gr.Info", "gr.Modal"):
                constant = bool(node.args) and isinstance(node.args[0], ast.Constant)
                assert name == "ui.endpoints" or constant, f"{name} shows a text of others as HTML"
            if called == "Markdown":
                assert not node.args or isinstance(node.args[0], ast.Constant | ast.Name), name
