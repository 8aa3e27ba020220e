"""The page: its head, one tab for each thing that one can do, and how it is served."""

import os
import sys
from dataclasses import dataclass

import gradio as gr
from starlette.middleware import Middleware
from starlette.routing import Route

from dance_demo.archive import ArchiveLimits
from dance_demo.backbones import known_backbone
from dance_demo.classroom import Classroom, welcome
from dance_demo.lan import own_names
from dance_demo.model_store import load_card, load_classifier
from dance_demo.ui import markup
from dance_demo.ui.about import about
from dance_demo.ui.assets import Assets
from dance_demo.ui.classify_tab import ClassifyTab
from dance_demo.ui.door import Door
from dance_demo.ui.endpoints import add_endpoints
from dance_demo.ui.fair_queue import let_everybody_have_a_turn
from dance_demo.ui.guard import middleware
from dance_demo.ui.join import join_tab
from dance_demo.ui.live_tab import LiveTab
from dance_demo.ui.many_tab import ManyTab
from dance_demo.ui.plain_routes import plain_routes
from dance_demo.ui.quiz_tab import QuizTab
from dance_demo.ui.theme import css, theme
from dance_demo.ui.tools import only_tools, refusals_in_words
from dance_demo.ui.train_tab import TrainTab
from dance_demo.ui.video_tab import VideoTab

TITLE = "Name the dance"
CLASSIFY = "classify"
DELETE_EVERY_S, DELETE_AFTER_S = 600, 3600  # visitors' files
WAITING_AT_MOST, WAITING_IN_CLASS = 100, 300  # requests in the queue, for everybody together
# Gradio makes a table of its latest 10,000 calls after each of them, for a page of its own that is closed here.
NO_TABLE_OF_CALLS = {"GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000", "GRADIO_ANALYTICS_MAX_EVENTS": "1"}
VISITS_REMEMBERED = 150  # about 1 MB each; whoever comes back later chooses the photo again


@dataclass(frozen=True)
class Page:
    """What a visitor sees, and the routes that it calls beside Gradio's own."""

    demo: gr.Blocks
    routes: tuple[Route, ...]


def build_page(model: str | None = None, *, classroom: Classroom | None = None) -> Page:
    """Put the page together around a model (see `load_classifier`); raises ModelError if that cannot be used."""
    classifier, card = load_classifier(model, find_backbone=known_backbone), load_card(model)
    os.environ.update(NO_TABLE_OF_CALLS)
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(DELETE_EVERY_S, DELETE_AFTER_S)) as demo:
        gr.HTML(markup.HEADER)
        with gr.Tabs() as tabs:
            with gr.Tab("Name a dance", id=CLASSIFY):
                classify = ClassifyTab(classifier, card)
            with gr.Tab("Train your own", id="train"):
                TrainTab(classify, tabs, classify_id=CLASSIFY)
            with gr.Tab("Many photos", id="many"):
                ManyTab(classify)
            with gr.Tab("Live", id="live"):
                live = LiveTab(classifier, card)
            with gr.Tab("Video", id="video"):
                VideoTab(model, card)
            with gr.Tab("Quiz", id="quiz"):
                QuizTab(classifier, card)
            with gr.Tab("About", id="about"):
                about(card)
            if classroom:
                join_tab(classroom)
        add_endpoints(classifier, card)
    demo.queue(api_open=False, max_size=WAITING_IN_CLASS if classroom else WAITING_AT_MOST)
    if classroom:
        let_everybody_have_a_turn(demo)
    return Page(demo, (*plain_routes(demo), live.frames.route))


def launch(
    page: Page,
    *,
    host: str,
    port: int,
    share: bool,
    mcp: bool = False,
    password: str = "",
    certificate: tuple[str, str] | None = None,
    classroom: Classroom | None = None,
) -> None:
    """Serve the page until it is stopped; with `mcp` also the tools for assistants."""
    demo = page.demo
    door, names = Door(password) if password else None, own_names() if classroom else None
    around = [*middleware(share=share, mcp=mcp, door=door, names=names), Middleware(Assets)]
    # Not verified: the server asks itself, by a name that no certificate holds, whether it is there.
    https = dict(ssl_certfile=certificate[0], ssl_keyfile=certificate[1], ssl_verify=False) if certificate else {}
    tools = {"lifespan": only_tools(demo)} if mcp else {}
    around = [refusals_in_words(), *around] if mcp else around
    demo.launch(
        server_name=host,
        server_port=port,
        share=share,
        theme=theme(),
        css=css(),
        app_kwargs={"middleware": around, "routes": list(page.routes)} | tools,
        mcp_server=mcp,
        max_file_size=ArchiveLimits().archive_bytes,  # a zip; photos are held to less where they are opened
        state_session_capacity=VISITS_REMEMBERED,
        enable_monitoring=False,
        run_history=False,  # or the browser would keep photos and answers
        show_error=False,
        ssr_mode=False,
        pwa=False,  # on Spaces it would be on, and promise an icon that there is not
        footer_links=["api", "settings"],
        _frontend=False,  # or a start fails on a busy machine: Gradio gives its own first page 3 s
        prevent_thread_lock=classroom is not None,
        quiet=classroom is not None,
        **https,
    )
    if classroom:
        print(welcome(classroom, coloured=_takes_colours(), encoding=sys.stdout.encoding or "ascii"), flush=True)
        demo.block_thread()


def _takes_colours() -> bool:
    return sys.stdout.isatty() and os.name != "nt"  # there they may come out as letters
