"""What the tab "Check this photo" says, without a browser."""

import re

from dance_demo.files.forensics.inspection import inspect_photo
from dance_demo.files.forensics.region import THRESHOLD
from dance_demo.ui.inspect.markup import RATES, found
from tests.support import ROOT
from tests.support.exif_files import exif_file

DOCUMENT = (ROOT / "docs" / "inspect.md").read_text(encoding="utf-8")


def test_the_rates_on_the_page_are_those_of_the_document():
    figures = re.findall(r"[\d.]+ %", RATES)
    assert len(figures) >= 4
    assert [one for one in figures if one not in DOCUMENT] == []
    assert f"at {THRESHOLD:g} " in DOCUMENT


def test_the_place_is_inside_of_what_one_has_to_open():
    inspection = inspect_photo(exif_file(3)[1])
    html = found(inspection, "photo.jpg")
    assert inspection.place
    latitude = f"{inspection.place[0]:.5f}"
    before, _, inside = html.partition('<details class="place">')
    assert latitude not in before and latitude in inside.partition("</details>")[0]
    assert RATES in html.replace("&#39;", "'")
