"""The style of the page: no sheet is forgotten, and none says anything to another server."""

from dance_demo.ui.components import theme
from tests.support import ROOT


def test_every_style_sheet_is_a_part_of_the_page_s() -> None:
    sheets = sorted((ROOT / "dance_demo" / "ui").rglob("*.css"))
    assert {sheet.parent.name for sheet in sheets} == set(theme.STYLED) and len(sheets) == len(theme.STYLED)
    joined = theme.css()
    words = "".join(joined.split())
    assert all("".join(sheet.read_text(encoding="utf-8").split()) in words for sheet in sheets)
    assert joined.count("{") == joined.count("}") and "url(" not in joined and "@import" not in joined
