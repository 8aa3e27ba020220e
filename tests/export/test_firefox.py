"""The exported page in Debian's Firefox, from its file, without a network."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from dance_demo.data.illustrations import draw
from dance_demo.files.photo import open_photo
from dance_demo.model.classifier import Classifier
from tests.export.photos import MOST_DIFFERENCE
from tests.support.firefox import running_firefox

DONE = "document.querySelector('#status').textContent != 'Looking at the photo.'"


@pytest.mark.slow
def test_the_page_answers_in_firefox_as_the_app_does(
    exported_page: Path, classifier: Classifier, tmp_path: Path
) -> None:
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("Firefox is not installed")
    photos = [tmp_path / f"{name}.jpg" for name in ("small", "large", "broken")]
    draw("kathak", 70_000, size=(480, 600)).save(photos[0], quality=88)
    draw("manipuri", 70_001, size=(1100, 1375)).save(photos[1], quality=88)
    photos[2].write_bytes(photos[0].read_bytes()[:300])
    with running_firefox(program, tmp_path / "profile") as firefox:
        firefox.call("WebDriver:Navigate", url=exported_page.as_uri())
        firefox.wait_for("document.body.dataset.ready")
        for photo in photos[:2]:
            firefox.choose_file("#file", photo)
            firefox.wait_for(DONE)
            given = firefox.value(
                "[...document.querySelectorAll('#answer li .bar')].map(b => b.style.getPropertyValue('--share'))"
            )
            expected = classifier.classify(open_photo(photo)).predictions
            assert firefox.value("document.querySelector('#top').textContent").casefold() == expected[0].label
            difference = np.abs(np.array(given, float) - [one.probability for one in expected]).max()
            print(f"{photo.name}: {difference:.2g}")
            assert difference <= MOST_DIFFERENCE
        firefox.choose_file("#file", photos[2])
        firefox.wait_for("!document.querySelector('#problem').hidden")
        assert "cannot read the photo" in firefox.value("document.querySelector('#problem').textContent")
