"""The rows of tabs of the page. Each tab has an address, `#train` for the one with the id "train"; see tabs.js."""

from pathlib import Path

import gradio as gr

GROUPS, WAYS = "tabs", "ways"  # the row of the page, and that within "Name a dance"
ADDRESSES = ("photo", "many", "live", "video", "check", "train", "quiz", "about", "join")


def tab_row(elem_id: str) -> gr.Tabs:
    """A row that hides nothing in a menu where it is narrow: it goes on in a second line."""
    return gr.Tabs(elem_id=elem_id, overflow_behavior="wrap")


def tab(label: str, id: str) -> gr.Tab:
    """One tab of a row; use it as a context."""
    return gr.Tab(label, id=id, elem_id=f"{id}-panel")


def labels(row: gr.Tabs) -> list[str]:
    """What stands on its tabs."""
    return [str(tab.label) for tab in row.children if isinstance(tab, gr.Tab)]


def script() -> str:
    """What runs in the browser, once, at the element that holds the link `.skip`."""
    return Path(__file__).with_name("tabs.js").read_text(encoding="utf-8")
