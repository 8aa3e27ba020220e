"""Carries out the lines of the Dockerfile in folders, without Docker, and asks the page that its last line starts.

    make docker-steps                     # with all that is needed to train
    make docker-steps ARGS=--names-only   # as with `--build-arg TRAINING=0`

A stage is a folder in runs/docker: `/opt/venv` of the image is runs/docker/STAGE/opt/venv here. The Python of the base
image is an environment, the user the one of the Dockerfile if this is done by root. What it cannot show: the system
libraries of the base image, and the file system of the container.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import space

ROOT = Path(__file__).resolve().parent.parent
WORKSPACE = ROOT / "runs" / "docker"
HEALTHY_WITHIN_S = 120
BASE_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Line:
    """One instruction: `word` is COPY, RUN ...; `rest` what stands behind it, as one line."""

    word: str
    rest: str

    def command(self) -> list[str]:
        """In the form of a list, which needs no shell."""
        return json.loads(self.rest[self.rest.index("[") :])


def lines(dockerfile: str) -> Iterator[Line]:
    """The instructions, comments left out and continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile, flags=re.MULTILINE)
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield Line(word.upper(), rest.strip())


def stages(dockerfile: str) -> dict[str, list[Line]]:
    """The instructions of each stage by its name; one without a name is called "final"."""
    found: dict[str, list[Line]] = {}
    for line in lines(dockerfile):
        if line.word == "FROM":
            name = line.rest.partition(" AS ")[2] or "final"
            found[name] = []
        found[name].append(line)
    return found


def context(root: Path, ignore: str) -> list[str]:
    """The files that .dockerignore lets into the build: the last rule that fits decides."""
    rules = [line.strip() for line in ignore.splitlines() if line.strip() and not line.startswith("#")]
    kept = [rule[1:] for rule in rules if rule.startswith("!")] if rules[0] == "*" else ["."]  # the rest is not read
    command = ["git", "ls-files", "-z", "--cached", "--others", "--", *kept]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return [name for name in sorted(set(listed.split("\0")) - {""}) if _wanted(name, rules) and (root / name).is_file()]


def _wanted(name: str, rules: list[str]) -> bool:
    wanted = True
    for rule in rules:
        pattern = rule.removeprefix("!")
        above = ["/".join(name.split("/")[:n]) for n in range(1, name.count("/") + 2)]  # a/b/c: a, a/b, a/b/c
        if any(fnmatch(path, pattern) or fnmatch(f"/{path}", pattern.replace("**", "*")) for path in above):
            wanted = rule.startswith("!")
    return wanted


@dataclass
class Stage:
    """A folder in which the lines of one stage are carried out, and what they have set for later."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = ""
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)

    def here(self, path: str) -> Path:
        """Where a path of the image lies on this machine."""
        return self.folder / os.path.normpath(os.path.join(self.workdir, path)).lstrip("/")

    def text_here(self, text: str) -> str:
        """A command or a variable, in which the folders of the image become those of this machine."""
        return re.sub(r"(?<![\w./-])/(?=(?:opt|app|build|usr/local)\b)", f"{self.folder}/", text)

    def set_variables(self, words: list[str]) -> None:
        """What ENV says: NAME=value, in which $NAME is an earlier one."""
        known = {"PATH": BASE_PATH} | self.variables
        for name, _, value in (word.partition("=") for word in words):
            self.variables[name] = re.sub(r"\$(\w+)", lambda match: known[match[1]], value)

    def environment(self) -> dict[str, str]:
        base = {"PATH": self.text_here(BASE_PATH), "LANG": "C.UTF-8"}
        return base | self.arguments | {name: self.text_here(value) for name, value in self.variables.items()}


def carry_out(
    instructions: Iterable[Line], stage: Stage, *, build: dict[str, str], earlier: dict[str, Stage], files: list[str]
) -> Stage:
    """Do what the instructions say in the folder of the stage; `build` are the build arguments."""
    for line in instructions:
        words = shlex.split(line.rest) if line.word in ("ARG", "ENV", "COPY") else []
        if line.word == "FROM":
            base_python(stage.folder / "usr" / "local")
        elif line.word == "ARG":
            name, _, default = words[0].partition("=")
            stage.arguments[name] = build.get(name, default)
        elif line.word == "ENV":
            stage.set_variables(words)
        elif line.word == "WORKDIR":
            stage.workdir = line.rest
            stage.here(".").mkdir(parents=True, exist_ok=True)
        elif line.word == "COPY":
            copy(words, stage, earlier=earlier, files=files)
        elif line.word == "RUN":
            run(line.rest, stage)
        elif line.word == "USER":
            stage.user = line.rest
        elif line.word == "EXPOSE":
            stage.ports = line.rest.split()
        elif line.word == "HEALTHCHECK":
            stage.health = line.command()
        elif line.word == "CMD":
            stage.command = line.command()
        else:
            raise ValueError(f"{line.word} is not known here.")
    return stage


def base_python(folder: Path) -> None:
    """The Python of the base image, with pip, in its place."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)


def copy(words: list[str], stage: Stage, *, earlier: dict[str, Stage], files: list[str]) -> None:
    options, [*sources, target] = [w for w in words if w.startswith("--")], [w for w in words if not w.startswith("--")]
    if options:
        [name] = [option.removeprefix("--from=") for option in options]
        for source in sources:
            shutil.copytree(earlier[name].here(source), stage.here(target), symlinks=True, copy_function=link)
        return
    for source in sources:
        inside = [name for name in files if name == source or name.startswith(f"{source}/")]
        if not inside:
            raise ValueError(f"COPY {source}: there is nothing, or .dockerignore keeps it away.")
        for name in inside:
            place = stage.here(target) / (Path(name).name if name == source else Path(name).relative_to(source))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place)


def link(source: str, target: str) -> None:
    """Stand for a copy of what is not changed any more, in no time. A symbolic link stays one."""
    os.link(source, target, follow_symlinks=False)


def run(script: str, stage: Stage) -> None:
    """As root of the image, in its shell."""
    settings = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    subprocess.run(
        ["sh", "-ec", stage.text_here(script)], cwd=stage.here("."), env=stage.environment() | settings, check=True
    )


def as_user(stage: Stage) -> dict:
    """For `Popen`: the user of the image, where we may become somebody else and he reaches the files."""
    if os.geteuid() != 0:
        return {}
    user, group = (int(number) for number in stage.user.split(":"))
    options = {"user": user, "group": group, "extra_groups": []}
    try:
        subprocess.run(["python", "-c", ""], env=stage.environment(), cwd=stage.here("."), check=True, **options)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return options


def started(stage: Stage, port: int, temporary: Path, **options) -> subprocess.Popen:
    """The page, as its container would start it; `temporary` stands for its /tmp."""
    environment = stage.environment() | {"PORT": str(port), "TMPDIR": str(temporary), "HOME": str(temporary)}
    prefix = [] if "user" in options else space.as_anybody()
    command = [*prefix, *stage.command]
    return subprocess.Popen(command, cwd=stage.here("."), env=environment, **options)


def healthy(stage: Stage, port: int, **options) -> bool:
    """What HEALTHCHECK says."""
    environment = stage.environment() | {"PORT": str(port)}
    checked = subprocess.run(stage.health, env=environment, cwd=stage.here("."), stderr=subprocess.DEVNULL, **options)
    return checked.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--names-only", action="store_true", help="without what training needs")
    settings = parser.parse_args()
    shutil.rmtree(WORKSPACE, ignore_errors=True)
    files = context(ROOT, (ROOT / ".dockerignore").read_text(encoding="utf-8"))
    built: dict[str, Stage] = {}
    for name, instructions in stages((ROOT / "Dockerfile").read_text(encoding="utf-8")).items():
        print(f"stage {name}", flush=True)
        build = {"TRAINING": "0" if settings.names_only else "1"}
        built[name] = carry_out(instructions, Stage(WORKSPACE / name), build=build, earlier=built, files=files)
    final = built["final"]
    for folder in ("opt/venv", "app"):
        print(f"/{folder}: {space.megabytes(final.folder / folder):,.1f} MB")
    packages = next((final.folder / "opt/venv").glob("lib/python3.*/site-packages"))
    sizes = sorted(((space.megabytes(path), path.name) for path in packages.iterdir()), reverse=True)
    print("   of it " + ", ".join(f"{name} {size:,.0f}" for size, name in sizes[:10]))
    if left := [path.name for path in (final.folder / "usr/local").rglob("pip*") if path.name.startswith("pip")]:
        sys.exit(f"There is still a pip in the last stage: {left}")
    ask(final)


def ask(stage: Stage) -> None:
    """Start it, wait until it is healthy, have it name a drawing, and see that it is not healthy afterwards."""
    options, port = as_user(stage), space.free_port()
    print(f"user {stage.user if options else f'{os.geteuid()}, without rights of its own'}")
    temporary = WORKSPACE / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)
    before, began = space.contents(stage.folder / "app"), time.perf_counter()
    process = started(stage, port, temporary, **options)
    try:
        while not healthy(stage, port, **options):
            if process.poll() is not None or time.perf_counter() - began > HEALTHY_WITHIN_S:
                sys.exit("It does not become healthy.")
            time.sleep(0.2)
        print(f"healthy after {time.perf_counter() - began:.1f} s")
        answer = space.classify(port, (ROOT / space.PHOTO).read_bytes())
        print(f"{space.PHOTO}: {answer['predictions'][0]}")
    finally:
        process.terminate()
        process.wait(timeout=30)
    if healthy(stage, port, **options) or space.contents(stage.folder / "app") != before:
        sys.exit("It is healthy when it has ended, or has written into the image.")
    print("Stopped: not healthy any more; nothing was written into /app.")


if __name__ == "__main__":
    main()
