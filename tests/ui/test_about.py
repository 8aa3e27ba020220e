"""The tab "About": what was read for the notes on each form is listed there, and nowhere else."""

from html import unescape

from dance_demo.forms import SOURCES
from dance_demo.ui.components.html import render
from tests.support import ROOT


def test_every_source_is_listed_with_its_address() -> None:
    shown = unescape(render("about.sources", sources=SOURCES))
    for source in SOURCES:
        assert f'href="{source.address}"' in shown
        assert source.title in shown and source.publisher in shown
    assert shown.count("<li>") == len(SOURCES)


def test_no_document_repeats_the_list() -> None:
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        assert not [source for source in SOURCES if source.address in text]
