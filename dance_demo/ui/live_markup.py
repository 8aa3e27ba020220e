"""The HTML of the tab "Live". Its script, live.js, fills in what changes, as text."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from dance_demo.forms import display_name
from dance_demo.live import MOST_LIKELY, NO_HEATMAP
from dance_demo.ui.guard import LIVE_FRAME
from dance_demo.ui.markup import MARK

ROWS = 4  # forms in the list
PRIVACY = """<p class="quiet">Small pictures of the camera go to this server, are looked at and thrown away: nothing is
stored. The camera goes off when you press Stop, choose another tab, or leave the page.</p>"""


def script() -> str:
    """What runs in the browser once the tab is shown. `element` is the piece of HTML that `live` gives."""
    return Path(__file__).with_name("live.js").read_text(encoding="utf-8")


def live(class_names: Sequence[str]) -> str:
    """Camera on the left, answer on the right."""
    rows = '<li><span class="name"></span><span class="percent"></span><span class="bar"></span></li>' * ROWS
    names = "".join(f"<li>{escape(display_name(name))}</li>" for name in class_names)
    return f"""<div class="live" data-url="{LIVE_FRAME}">
<p class="visually-hidden" role="status" data-part="spoken"></p>
<div class="camera" data-state="off">
<div class="view">
<video playsinline muted aria-label="Your camera"></video>
<canvas data-part="still" role="img" aria-label="The picture that you froze"></canvas>
<canvas data-part="heat" aria-hidden="true"></canvas>
<section class="invitation">{MARK}<h2>Point the camera at a dancer</h2>
<p>The answer runs along, with a map of where the model looks.</p></section>
</div>
<div class="buttons"><button type="button" class="go" data-do="start">Start the camera</button>
<button type="button" data-do="freeze" aria-pressed="false" disabled>Freeze</button>
<button type="button" data-do="turn" hidden>Other camera</button>
<span class="quiet" data-part="rate"></span></div>
<p class="notice urgent" role="alert" data-part="problem" hidden></p>
<p class="quiet" data-part="hint"></p></div>
<div class="running">
<section class="headline" data-part="headline"><p class="kicker"></p><h2></h2><p></p></section>
<div class="known"><p class="quiet">The model knows</p><ul class="names">{names}</ul></div>
<ol aria-label="Most likely forms">{rows}</ol>
<label>Heatmap of <select>{_choices(class_names)}</select></label>
</div></div>"""


def _choices(class_names: Sequence[str]) -> str:
    numbered = [(number, display_name(name)) for number, name in enumerate(class_names)]
    choices = [(MOST_LIKELY, "the most likely form"), *numbered, (NO_HEATMAP, "nothing (no heatmap)")]
    return "".join(f'<option value="{number}">{escape(text)}</option>' for number, text in choices)
