"""For what the page must know from the start: Gradio makes the components of a tab when it is first looked at."""

from collections.abc import Iterator
from contextlib import contextmanager

from gradio.context import Context


@contextmanager
def beside_the_tabs() -> Iterator[None]:
    """What is made inside lies on the page itself, not in the tab around. For states and timers, which show nothing.

    A `gr.BrowserState` in a tab is still empty when the page is loaded, whatever the browser remembers.
    """
    around, Context.block = Context.block, Context.root_block
    try:
        yield
    finally:
        Context.block = around
