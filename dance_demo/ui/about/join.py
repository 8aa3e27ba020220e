"""The tab for the projector, in classroom mode: the address in large letters, its QR code, and the password."""

import gradio as gr
from markupsafe import Markup

from dance_demo.classroom.invitation import CAMERA, NO_NETWORK, Classroom, svg_code
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_step import POLL
from dance_demo.ui.components.tabs import tab


def join_tab(classroom: Classroom) -> None:
    """Add the tab to the tabs around. The addresses are looked up again whenever it is opened."""
    with tab("Join", "join") as opened:
        panel = gr.HTML(invitation(classroom), elem_id="join")
    opened.select(lambda: invitation(classroom), None, panel, **POLL)


def invitation(classroom: Classroom) -> str:
    """The panel as HTML."""
    best, *others = classroom.addresses() or [""]
    if not best:
        return render("join.nobody", problem=NO_NETWORK)
    return render(
        "join.invitation",
        best=best,
        others=others,
        code=Markup(svg_code(classroom.invitation(best))),  # an SVG of ours
        password=classroom.password,
        camera="" if classroom.secure else CAMERA,
    )
