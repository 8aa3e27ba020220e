"""The page: its head, one tab for each thing that one can do, and how it is served."""

import gradio as gr

from dance_demo.archive import ArchiveLimits
from dance_demo.backbones import known_backbone
from dance_demo.model_store import load_card, load_classifier
from dance_demo.ui import markup
from dance_demo.ui.about import about
from dance_demo.ui.classify_tab import ClassifyTab
from dance_demo.ui.endpoints import add_endpoints
from dance_demo.ui.guard import middleware
from dance_demo.ui.theme import css, theme
from dance_demo.ui.train_tab import TrainTab

TITLE = "Name the dance"
CLASSIFY = "classify"
DELETE_EVERY_S, DELETE_AFTER_S = 600, 3600  # visitors' files
WAITING_AT_MOST = 100  # requests in the queue, for everybody together
VISITS_REMEMBERED = 150  # about 1 MB each; whoever comes back later chooses the photo again


def build_demo(model: str | None = None) -> gr.Blocks:
    """Put the page together around a model (see `load_classifier`); raises ModelError if that cannot be used."""
    classifier, card = load_classifier(model, find_backbone=known_backbone), load_card(model)
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(DELETE_EVERY_S, DELETE_AFTER_S)) as demo:
        gr.HTML(markup.HEADER)
        with gr.Tabs() as page:
            with gr.Tab("Name a dance", id=CLASSIFY):
                classify = ClassifyTab(classifier, card)
            with gr.Tab("Train your own", id="train"):
                TrainTab(classify, page, classify_id=CLASSIFY)
            with gr.Tab("About", id="about"):
                about(card)
        add_endpoints(classifier)
    return demo.queue(api_open=False, max_size=WAITING_AT_MOST)


def launch(demo: gr.Blocks, *, host: str, port: int, share: bool) -> None:
    """Serve the page until it is stopped."""
    demo.launch(
        server_name=host,
        server_port=port,
        share=share,
        theme=theme(),
        css=css(),
        app_kwargs={"middleware": middleware(share=share)},
        max_file_size=ArchiveLimits().archive_bytes,  # a zip; photos are held to less where they are opened
        state_session_capacity=VISITS_REMEMBERED,
        enable_monitoring=False,
        run_history=False,  # or the browser would keep photos and answers
        show_error=False,
        ssr_mode=False,
        footer_links=["api", "settings"],
    )
