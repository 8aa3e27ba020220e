"""What could do harm has one place each in the source, and this list says which and why."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.project.test_imports import NAMES, imports, tree
from tests.support import ROOT

# package -> the modules that may import it
PLACES = {
    "pickle": {"jobs.messages"},  # between the server and its own child, through a pipe that nobody else holds
    "dance_demo.jobs.messages.unpacked": {"jobs.process", "jobs.worker"},  # the two ends of that pipe
    "dill": set(),
    "joblib": set(),
    "cloudpickle": set(),
    "importlib.machinery": set(),
    "multiprocessing": set(),
    "subprocess": {"jobs.process"},  # the child of a job: a command of ours, no word of a visitor in it
    "pty": set(),
    "ctypes": {"ui.server.limits.process_limits"},  # malloc_trim of the C library, with a number
    "cv2": {  # on decoded pixels: its readers meet no file
        "data.degradation",
        "files.forensics.copied_regions",
        "files.forensics.views",
        "research.crops",
    },
    "pyarrow": {"data.many.feature_files"},  # on the command line: files of whoever starts it
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
    "av": {"files.clip", "files.sound"},  # on the page in a process of its own: FFmpeg reads clips of strangers
    "soundfile": {"files.sound", "data.sound.recordings"},  # there it writes
    "zipfile": {"files.zip_archive", "files.npz"},  # to write; what is read is read byte by byte, see below
    "huggingface_hub": {
        "hub.client",
        "model.publishing",
        "model.readme",
        "data.hub_source",
    },  # addresses by a pattern only
    "requests": set(),
    "httpx": set(),
    "aiohttp": set(),
    "urllib.request": {"hub.online"},  # whether the Hub, and the place of the weights, answer: two addresses of ours
    "http.client": {"hub.online"},  # its errors only
    "socket": {"classroom.lan"},  # our own address, and whether a port is free; nothing is sent
    "smtplib": set(),
    "ftplib": set(),
    "telnetlib": set(),
    "webbrowser": set(),
}
# called name -> the modules that may call it; any object before the last dot
CALLS = {
    "normalize": {"files.text"},  # of unicodedata: its time grows with the square of a run of marks
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
    "chmod": {"model.directory"},
    "Popen": {"jobs.process"},
    "load_weights": {
        "networks.keras_applications",
        "networks.imagenet",
        "research.crossvalidation",
        "research.finetune",
        "research.interpolation",
        "research.network",
    },  # files of whoever runs the server
    "get_file": {
        "networks.keras_applications",
        "networks.mobilenet",
    },  # Keras' own download, held against its size, its hash noted in the card
    "import_module": {"jobs.worker", "dance_demo"},  # names from the server's command line, and from a table
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
                assert source in ("json.loads", "pickle.loads") and (source == "json.loads" or name == "jobs.messages")
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


TEXTS_IN_A_PNG = {"files.orientation", "files.forensics.segments"}


def test_D4_zips_of_others_are_read_in_one_place_and_zipfile_only_writes():
    for name in NAMES:
        for called, node in calls(name):
            if called == "ZipFile":
                assert len(node.args) > 1 and ast.unparse(node.args[1]) == "'w'", name
    packs_only = {"export.model_data"}
    assert users_of("zlib") <= {"files.zip_archive", "files.npz", *TEXTS_IN_A_PNG, *packs_only}


def test_S1_messages_that_gradio_takes_for_html_are_raised_in_one_place():
    """`gr.Error`, `gr.Warning` and `gr.Info` show HTML; `endpoints` answers programs, which show none."""
    for name in NAMES:
        for called, node in calls(name):
            if ast.unparse(node.func) in ("gr.Error", "gr.Warning", "gr.Info", "gr.Modal"):
                constant = bool(node.args) and isinstance(node.args[0], ast.Constant)
                assert name == "ui.api.endpoints" or constant, f"{name} shows a text of others as HTML"
            if called == "Markdown":
                assert not node.args or isinstance(node.args[0], ast.Constant | ast.Name), name


TAG = re.compile(r"</?[a-z][a-z0-9]*(\s[^<>]*)?/?>")
SAYS_IT_IS_HTML = {  # what is put into HTML as it is, or made HTML by hand
    "ui.about.first_page": {"Markup(gallery)", "Markup(style)", "Markup(welcome)"},  # from our templates; our sheets
    "export.page": {"Markup(source)", "Markup(style)"},  # files of the package
    "ui.components.html": {"escape(sentence)"},
    "ui.about.join": {"Markup(svg_code(classroom.invitation(best)))"},  # an SVG of ours, without a word in it
}


def test_S1_html_is_written_in_templates_alone_which_escape_what_is_put_in():
    for name in NAMES:
        docstrings = {id(node.value) for node in ast.walk(tree(NAMES[name])) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree(NAMES[name])):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                assert not TAG.search(node.value), f"{name}:{node.lineno} writes HTML: make it a template"
        said = {ast.unparse(node) for called, node in calls(name) if called in ("escape", "Markup")}
        said -= {one for one in said if one.startswith(("re.", "glob."))}
        assert said == SAYS_IT_IS_HTML.get(name, set()), name
    for template in (ROOT / "dance_demo").rglob("*.html*"):
        text = template.read_text(encoding="utf-8")
        assert "autoescape" not in text and not re.search(r"\|\s*safe\b", text), f"{template.name} trusts a text"
