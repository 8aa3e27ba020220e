"""The HTML of the tab "Video": the pooled answer to a clip, and the pictures of it that speak for that."""

import base64
from html import escape
from pathlib import Path
from urllib.parse import quote

from dance_demo.clip_reader import MAX_FILE_BYTES, MISSING, USED_S
from dance_demo.forms import display_name
from dance_demo.narration import percent
from dance_demo.ui.markup import MARK
from dance_demo.video import Strong, Watched

WELCOME = f"""<section class="welcome">{MARK}
<h2>Which dance is in the clip?</h2>
<p>Choose a short clip (MP4, MOV, WebM or MKV). It is looked at twice a second, and the answer shows how
the likely forms change over time, and the pictures that speak most for it.</p>
<p class="quiet">At most {MAX_FILE_BYTES // 10**6} MB; the first {USED_S:.0f} seconds are used.
Sound is ignored.</p></section>"""

PRIVACY = """<p class="quiet">Clips are kept for this visit only and deleted within about an hour.</p>"""


def missing() -> str:
    """In place of the tab where no clip can be read."""
    what, _, how = MISSING.partition(" Run: ")
    return f"""<section class="welcome" role="note">{MARK}<h2>No clips on this server</h2>
<p>{escape(what)}</p><p class="quiet">Whoever runs the server can add it: <code>{escape(how)}</code></p></section>"""


def headline(watched: Watched) -> str:
    """The pooled answer in large letters."""
    first, second = watched.predictions[:2]
    n = len(watched.times_s)
    looked = f"From {n} pictures." if n > 1 else "From one picture."
    if watched.note:
        closest = f"Closest: {_answer(first)}, then {_answer(second)}."
        kind, kicker, title, likelihood, rest = "unsure", "No clear answer", "Not sure", "", f"{watched.note} {closest}"
    else:
        kind, kicker, title = "sure", "Most likely in this clip", display_name(first.label)
        likelihood, rest = percent(first.probability), looked
    remark = f'<p class="quiet">{escape(watched.remark)}</p>' if watched.remark else ""
    return f"""<section class="headline {kind}"><p class="kicker">{kicker}</p>
<h2>{escape(title)} <span class="likelihood">{escape(likelihood)}</span></h2>
<p>{escape(rest).replace(" %", "&nbsp;%")}</p>{remark}</section>"""


def strongest(watched: Watched) -> str:
    """The pictures that speak most for the pooled answer, with their heatmaps."""
    figures = "".join(_figure(strong) for strong in watched.strongest)
    name = escape(display_name(watched.top.label))
    return f"""<section class="moments"><h3>What speaks most for {name}</h3><div class="thumbs">{figures}</div>
<p class="quiet">Coloured where the model found it. Pooled is the mean of the logarithms of all pictures' probabilities,
so that every picture has a say and none decides alone.</p></section>"""


def preview(upload: Path) -> str:
    """The clip itself, as far as the browser can play it."""
    address = escape(f"gradio_api/file={quote(upload.as_posix())}")
    return f'<video controls muted playsinline preload="metadata" aria-label="Your clip" src="{address}"></video>'


def clock(seconds: float) -> str:
    """``0:07``"""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _figure(strong: Strong) -> str:
    picture = base64.b64encode(strong.overlay_jpeg).decode()
    return (
        f'<figure><img alt="{escape(strong.alt_text)}" src="data:image/jpeg;base64,{picture}">'
        f"<figcaption><strong>{clock(strong.time_s)}</strong>{escape(_answer(strong.prediction))}</figcaption></figure>"
    )


def _answer(prediction) -> str:  # noqa: ANN001
    return f"{display_name(prediction.label)}, {percent(prediction.probability)}"
