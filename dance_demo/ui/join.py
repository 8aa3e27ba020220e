"""The tab for the projector, in classroom mode: the address in large letters, its QR code, and the password."""

from html import escape

import gradio as gr

from dance_demo.classroom import CAMERA, NO_NETWORK, Classroom, svg_code
from dance_demo.ui.job_watch import LOOK


def join_tab(classroom: Classroom) -> None:
    """Add the tab to the tabs around. The addresses are looked up again whenever it is opened."""
    with gr.Tab("Join", id="join") as tab:
        panel = gr.HTML(invitation(classroom), elem_id="join")
    tab.select(lambda: invitation(classroom), None, panel, **LOOK)


def invitation(classroom: Classroom) -> str:
    """The panel as HTML."""
    best, *others = classroom.addresses() or [""]
    if not best:
        return f"""<section class="welcome"><h2>Nobody can join yet</h2>
<p>{NO_NETWORK} Then open this tab again.</p></section>"""
    return f"""<section class="join">
<div class="code" role="img" aria-label="QR code of {escape(best)}">{svg_code(classroom.invitation(best))}</div>
<div class="way-in"><p class="kicker">Scan the code, or type the address</p>
{_address(best)}{_password(classroom.password)}
<p>Phone, tablet or laptop, in the same Wi-Fi as this computer. No app, no account.</p>
{_others(others)}{"" if classroom.secure else f'<p class="quiet">{CAMERA}</p>'}</div></section>"""


def _address(address: str) -> str:
    scheme, _, rest = address.partition("//")
    return f"<h2><span>{escape(scheme)}//</span>{escape(rest).replace(':', '<wbr>:')}</h2>"


def _password(password: str) -> str:
    return f'<p class="password"><span>Password</span> <strong>{escape(password)}</strong></p>' if password else ""


def _others(addresses: list[str]) -> str:
    listed = ", ".join(escape(address) for address in addresses)
    return f'<p class="quiet">Does it not open? This computer is also at {listed}</p>' if listed else ""
