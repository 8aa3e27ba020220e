"""Writes requirements.lock: every package that requirements.txt leads to here, with the hash of its file.

    make lock

pip resolves, downloads nothing that it keeps and installs nothing; its report holds the hashes. Only the public
index is asked, whatever else this machine is set up with.
"""

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS, LOCK = ROOT / "requirements.txt", ROOT / "requirements.lock"
HEADER = """\
# Written by `make lock` from requirements.txt. Do not edit.
# For {system} {machine} and {implementation} {version} only: there, `pip install --require-hashes -r requirements.lock`
# installs exactly these files. Elsewhere use requirements.txt, which pins the same versions at the top.
"""


def main() -> None:
    LOCK.write_text(header() + "".join(map(entry, sorted(resolved(), key=name))), encoding="utf-8")


def header() -> str:
    major, minor, _ = platform.python_version_tuple()
    return HEADER.format(
        system=platform.system(),
        machine=platform.machine(),
        implementation=platform.python_implementation(),
        version=f"{major}.{minor}",
    )


def resolved() -> list[dict]:
    """What pip would install into an empty environment, one item for each package."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    public_only = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}
    run = subprocess.run(
        [*command, "--report", "-", "-r", REQUIREMENTS],
        env=os.environ | public_only,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(run.stdout)["install"]


def name(item: dict) -> str:
    return re.sub("[-_.]+", "-", item["metadata"]["name"]).lower()


def entry(item: dict) -> str:
    sha256 = item["download_info"]["archive_info"]["hashes"]["sha256"]
    return f"{name(item)}=={item['metadata']['version']} \\\n    --hash=sha256:{sha256}\n"


if __name__ == "__main__":
    main()
