"""Builds the tree that would be pushed to a Hugging Face Space, and starts it there the way Spaces do.

    make space                       # tree, own environment, start, first answer; then stops
    make space ARGS=--keep           # ... and leaves the page running until Ctrl+C

It lies in runs/space: `tree` is what would be pushed (`hf upload NAME runs/space/tree --repo-type space`), `venv` holds
requirements.txt and nothing else. The page runs with the tree read-only, its home elsewhere, the variables that Spaces
set, and no network: a connection to another machine is refused and noted. Starts from the tree and from the checkout
take turns, so that a machine whose speed drifts drifts for both.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import stat
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKSPACE = ROOT / "runs" / "space"
PHOTO, FORM = "examples/drawings/odissi.jpg", "odissi"  # what is asked first, and the right answer
LARGEST_BYTES = 10_000_000  # the Hub takes larger files by LFS or Xet only
START_WITHIN_S = 180
RATIO_AT_MOST = 1.5
NOT_FOR_A_SPACE = (
    *(".ci/", "scripts/", "tests/", ".dockerignore", ".gitattributes", ".gitignore", ".pre-commit-config.yaml"),
    *("Dockerfile", "compose.yaml", "Makefile", "pyproject.toml", "requirements-dev.txt", "requirements.lock"),
)
SPACES = {  # what the image of a Gradio Space sets, and the switches of Gradio that some Spaces set
    "SYSTEM": "spaces",
    "SPACE_ID": "someone/dance-demo",
    "SPACE_HOST": "someone-dance-demo.hf.space",
    "SPACE_AUTHOR_NAME": "someone",
    "SPACE_REPO_NAME": "dance-demo",
    "SPACE_TITLE": "Dance demo",
    "CPU_CORES": "2",
    "MEMORY": "16Gi",
    "ACCELERATOR": "none",
    "PYTHONUNBUFFERED": "1",
    "TQDM_POSITION": "-1",
    "TQDM_MININTERVAL": "1",
    "GRADIO_SERVER_NAME": "0.0.0.0",
    "GRADIO_NUM_PORTS": "1",
    "GRADIO_ALLOW_FLAGGING": "never",
    "GRADIO_FLAGGING_MODE": "never",
    "GRADIO_THEME": "huggingface",
    "GRADIO_SSR_MODE": "true",
    "GRADIO_CACHE_EXAMPLES": "true",
    "GRADIO_CACHE_MODE": "lazy",
}
NO_NETWORK = '''\
"""Imported by Python before anything else: refuses connections to other machines, and notes them."""

import os
import sys

NOTES = os.environ["CONNECTIONS_ARE_NOTED_IN"]
HERE = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "", None}
EVENTS = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0}  # which argument is the address


def refuse(event, arguments):
    if event in EVENTS:
        address = arguments[EVENTS[event]]
        host = address[0] if isinstance(address, tuple) else address
        if host not in HERE and not str(host).startswith("/"):
            with open(NOTES, "a") as notes:
                notes.write(f"{event} {host}\\n")
            raise OSError("There is no network here.")


sys.addaudithook(refuse)
'''


def main() -> None:
    settings = arguments()
    tree = build_tree(ROOT, WORKSPACE / "tree", new=settings.new)
    print(described(tree))
    python = made_environment(WORKSPACE / "venv", tree / "requirements.txt")
    print(f"venv     {megabytes(WORKSPACE / 'venv'):,.0f} MB from requirements.txt alone; {largest_packages()}")
    space = Place(python, tree, outside=WORKSPACE / "outside")
    ratio = compared({"local": Place(Path(sys.executable), ROOT), "space": space}, settings.rounds)
    print(f"It takes {ratio:.2f} times as long in the Space; at most {RATIO_AT_MOST} is wanted.")
    print("Nothing was written into the tree, and no connection to another machine was tried.")
    if settings.keep:
        keep(space, settings.port)
    sys.exit(0 if ratio <= RATIO_AT_MOST else "The Space takes too long to start.")


def compared(places: dict[str, "Place"], rounds: int) -> float:
    """How many times as long the second place takes to its first answer as the first; prints a table."""
    print("\nSeconds from the start of the process to the first answer")
    print("round " + "".join(f"{name:>9}" for name in places))
    times = []
    for number in range(rounds + 1):  # the first fills the disk cache and is not counted
        times.append([seconds_to_answer(place) for place in places.values()])
        print(f"{number or 'first':<6}" + "".join(f"{seconds:9.1f}" for seconds in times[-1]), flush=True)
    first, second = (statistics.median(column) for column in zip(*times[1:], strict=True))
    print(f"median{first:9.1f}{second:9.1f}\n")
    return second / first


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keep", action="store_true", help="leave the page running until Ctrl+C")
    parser.add_argument("--new", action="store_true", help="push files that git does not know yet, too")
    parser.add_argument("--port", type=int, default=7860, help="of the page that is kept (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="starts of each, after the first (default: %(default)s)")
    return parser.parse_args()


# What would be pushed ---------------------------------------------------------------------------------------------


def pushed_files(root: Path, *, new: bool = False) -> list[str]:
    """The files that git knows, less what a Space does not need. `new`: those that it could be told of, too."""
    others = ["--others", "--exclude-standard"] if new else []
    command = ["git", "ls-files", "-z", "--cached", *others]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    names = sorted(set(listed.split("\0")) - {""})
    return [name for name in names if not name.startswith(NOT_FOR_A_SPACE) and (root / name).is_file()]


def build_tree(root: Path, tree: Path, *, new: bool = False) -> Path:
    """Copy the files into a new folder that nobody may write to."""
    empty(tree)
    names = pushed_files(root, new=new)
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, tree / name)
    (tree / ".gitattributes").write_text(attributes(tree, names), encoding="utf-8")
    for path in [tree, *tree.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return tree


def attributes(tree: Path, names: list[str]) -> str:
    """Rules by which git hands every binary or large file to LFS: the Hub takes no others by `git push`."""
    large = {Path(name) for name in names if is_binary(tree / name) or (tree / name).stat().st_size > LARGEST_BYTES}
    patterns = {f"*{path.suffix}" if path.suffix else str(path) for path in large}
    return "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in sorted(patterns))


def is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" in file.read(8000)  # as git tells


def described(tree: Path) -> str:
    files = sorted((path for path in tree.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    largest = files[-1]
    return (
        f"tree     {len(files)} files, {megabytes(tree):.1f} MB; the largest is {largest.relative_to(tree)}, "
        f"{largest.stat().st_size / 1e6:.1f} MB"
    )


# Where it runs ----------------------------------------------------------------------------------------------------


def made_environment(folder: Path, requirements: Path) -> Path:
    """The Python of an environment that holds these requirements alone. One that is complete is used again."""
    stamp, wanted = folder / ".made-of", hashlib.sha256(requirements.read_bytes()).hexdigest()
    python = folder / "bin" / "python"
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-r", requirements]
        subprocess.run(install, check=True)
        stamp.write_text(wanted)
    return python


@dataclass(frozen=True)
class Place:
    """Where a page is started. With a folder `outside` it is a Space, and all that it writes is to go there."""

    python: Path
    tree: Path
    outside: Path | None = None

    @property
    def tried(self) -> str:
        """What it tried to connect to."""
        notes = self.outside and self.outside / "connections"
        return notes.read_text(encoding="utf-8") if notes and notes.exists() else ""

    def command(self) -> list[str]:
        return [*(as_anybody() if self.outside else []), str(self.python), "app.py"]

    def environment(self, port: int) -> dict[str, str]:
        if not self.outside:
            return os.environ | {"PORT": str(port)}
        shutil.rmtree(self.outside, ignore_errors=True)
        home, scratch, first = (self.outside / name for name in ("home", "tmp", "first"))
        for folder in (home, scratch, first):
            folder.mkdir(parents=True)
        (first / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
        own = {
            "PATH": os.pathsep.join([str(self.python.parent), "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(home),
            "TMPDIR": str(scratch),
            "PYTHONPATH": os.pathsep.join([str(self.tree), str(first)]),
            "CONNECTIONS_ARE_NOTED_IN": str(self.outside / "connections"),
            "PORT": str(port),
        }
        return SPACES | own


def as_anybody() -> list[str]:
    """What stands before a command so that it may write only where permissions say so: root may write everywhere."""
    if os.name != "posix" or os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]


@contextlib.contextmanager
def started(place: Place, port: int, log: Path | None = None) -> Iterator[subprocess.Popen]:
    """The page, from the start of its process on; it is stopped at the end."""
    with log.open("w") if log else contextlib.nullcontext(subprocess.DEVNULL) as output:
        process = subprocess.Popen(
            place.command(), cwd=place.tree, env=place.environment(port), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def seconds_to_answer(place: Place) -> float:
    """From the start of the process to its first answer. RuntimeError where something of a Space does not hold."""
    before = contents(place.tree) if place.outside else None
    began, port, log = time.perf_counter(), free_port(), WORKSPACE / "log"
    with started(place, port, log) as process:
        answer = first_answer(process, port, (place.tree / PHOTO).read_bytes(), log)
        seconds = time.perf_counter() - began
    if answer["predictions"][0]["label"] != FORM:
        raise RuntimeError(f"The answer is wrong: {answer}")
    if place.outside and contents(place.tree) != before:
        raise RuntimeError("Something was written into the tree.")
    if place.tried:
        raise RuntimeError(f"It tried to connect: {place.tried}")
    return seconds


def keep(space: Place, port: int) -> None:
    with started(space, port), contextlib.suppress(KeyboardInterrupt):
        print(f"\nThe Space runs at http://127.0.0.1:{port} until Ctrl+C.", flush=True)
        signal.pause()


# Asking it --------------------------------------------------------------------------------------------------------


def first_answer(process: subprocess.Popen, port: int, photo: bytes, log: Path) -> dict:
    """What `/classify` says about the photo, as soon as there is a page. RuntimeError where there is none."""
    give_up = time.monotonic() + START_WITHIN_S
    while process.poll() is None and time.monotonic() < give_up:
        with contextlib.suppress(ConnectionError):
            ask(port, "GET", "/")
            return classify(port, photo)
        time.sleep(0.05)
    raise RuntimeError(f"There is no page. The log says:\n{log.read_text(encoding='utf-8')[-3000:]}")


def classify(port: int, photo: bytes) -> dict:
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="photo.jpg"\r\n\r\n'
    sent = {"Content-Type": "multipart/form-data; boundary=x"}
    [path] = json.loads(ask(port, "POST", "/gradio_api/upload", head + photo + b"\r\n--x--\r\n", sent))
    call = json.dumps({"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}, 3]})
    event = json.loads(ask(port, "POST", "/gradio_api/call/classify", call, {"Content-Type": "application/json"}))
    events = ask(port, "GET", f"/gradio_api/call/classify/{event['event_id']}")
    if "event: complete" not in events:
        raise RuntimeError(events)
    return json.loads(events.rpartition("data: ")[2])[0]


def ask(port: int, method: str, target: str, body: bytes | str | None = None, headers: dict | None = None) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{target}: {answer.status} {text:.500}")
    return text


# Small things -----------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def contents(tree: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file and folder."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(tree.rglob("*"))}


def empty(tree: Path) -> None:
    """Make an empty folder where there may be one that nobody may write to."""
    for folder in [tree, *(path for path in tree.rglob("*") if path.is_dir())] if tree.exists() else ():
        folder.chmod(folder.stat().st_mode | stat.S_IRWXU)
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)


def megabytes(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def largest_packages(count: int = 5) -> str:
    packages = next((WORKSPACE / "venv").glob("lib/python3.*/site-packages"))
    sizes = sorted(((megabytes(path), path.name) for path in packages.iterdir() if path.is_dir()), reverse=True)
    return ", ".join(f"{name} {size:,.0f}" for size, name in sizes[:count])


if __name__ == "__main__":
    main()
