"""What lies bundled in the package is what its source gives."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import _missing
from tests.support import ROOT

ASSETS = ROOT / "dance_demo" / "export" / "assets"


@pytest.mark.slow
def test_the_source_in_js_gives_the_bundle_that_is_in_the_package_byte_by_byte(tmp_path: Path) -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("the bundle is made by node and npm")
    shutil.copytree(ROOT / "js", tmp_path / "js", ignore=shutil.ignore_patterns("node_modules"))
    assets = tmp_path / "dance_demo" / "export" / "assets"
    assets.mkdir(parents=True)
    shutil.copy(ASSETS / "litert.wasm.gz", assets)
    install = ["npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"]
    ran = subprocess.run(install, cwd=tmp_path / "js", capture_output=True, text=True, timeout=300, check=False)
    if ran.returncode:
        _missing(f"npm cannot install what bundles: {ran.stderr[-500:]}", required="DANCE_DEMO_REQUIRE_BROWSER")
    subprocess.run(["node", "build.js"], cwd=tmp_path / "js", check=True, timeout=120)
    for path in assets.iterdir():
        assert path.read_bytes() == (ASSETS / path.name).read_bytes(), path.name


def test_the_licences_go_with_what_they_are_for() -> None:
    text = (ASSETS / "LICENCES.txt").read_text(encoding="utf-8")
    assert "Apache License" in text and "@litertjs/core 2.5.3" in text
    assert '"@litertjs/core": "2.5.3"' in (ROOT / "js" / "package.json").read_text(encoding="utf-8")
