"""The scripts of what shows a running camera."""

from pathlib import Path

from dance_demo.ui.components.scripts import fetched_script


def camera_script(*paths: Path) -> str:
    """What runs in the browser: camera.js, and after it the scripts that need it."""
    return fetched_script(Path(__file__).with_name("camera.js"), *paths)
