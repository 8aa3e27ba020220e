"""The page: its head, one tab for each thing that one can do, and the jobs that work for them."""

import atexit
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.routing import Route

from dance_demo.classroom.invitation import Classroom
from dance_demo.files.clip import MAX_READ_S
from dance_demo.jobs.manager import JobLimits, JobManager
from dance_demo.jobs.workspace import Workspace
from dance_demo.model.directory import load_card
from dance_demo.model.loading import load_classifier
from dance_demo.ui.about.first_page import DESCRIPTION, TITLE, First, first_screen, pictures_in
from dance_demo.ui.about.join import join_tab
from dance_demo.ui.about.tab import about
from dance_demo.ui.api.endpoints import add_endpoints
from dance_demo.ui.classify.examples import examples_route
from dance_demo.ui.classify.tab import PHOTO_LINE, ClassifyTab
from dance_demo.ui.components import tabs
from dance_demo.ui.components.html import render
from dance_demo.ui.components.inputs import UNTYPED_FILES
from dance_demo.ui.components.job_step import QUICK
from dance_demo.ui.components.model import Model
from dance_demo.ui.components.tabs import tab, tab_row
from dance_demo.ui.gradio_private import (
    NO_TABLE_OF_CALLS,
    UPLOAD_FOLDER,
    OrderedQueue,
    first_files,
    note_no_files,
    trim_config,
)
from dance_demo.ui.inspect.tab import CheckTab
from dance_demo.ui.live.tab import LiveTab
from dance_demo.ui.many.tab import ManyTab
from dance_demo.ui.quiz.tab import QuizTab
from dance_demo.ui.server.fair_queue import WAITING_EACH as IN_CLASS
from dance_demo.ui.server.fair_queue import use_fair_queue
from dance_demo.ui.server.limits.shares import Shares
from dance_demo.ui.train.tab import TrainTab
from dance_demo.ui.video.tab import NAME as CLIP
from dance_demo.ui.video.tab import VideoTab

WAITING_AT_MOST, WAITING_IN_CLASS = 134, 300  # calls in the line, for everybody together
SHARE_OF_AN_ADDRESS = 0.25  # of the jobs that wait, where no class shares it
WAITING_EACH = 100  # of one program, where no class shares the address
JOBS, UPLOADS = (Path(tempfile.gettempdir()) / f"dance_demo-{name}" for name in ("jobs", "uploads"))


@dataclass(frozen=True)
class Page:
    """What a visitor sees, and the routes that it calls beside Gradio's own."""

    demo: gr.Blocks
    routes: tuple[Route, ...]
    first: First
    queue: OrderedQueue
    shares: Shares  # of the server, that each caller has had
    probe: int  # the call that goes through the line of photos and does nothing


@dataclass(frozen=True)
class PageJobs:
    """The jobs of all visitors, a line for each kind: what is short does not wait behind trainings."""

    trainings: JobManager
    checks: JobManager  # of photos that somebody wants to train on
    heads: JobManager  # what is done with a head that is trained
    many: JobManager
    clips: JobManager

    @classmethod
    def of(cls, root: Path, *, origin_share: float) -> "PageJobs":
        """New lines, whose files lie in private folders below `root`. One address has that share of each."""

        def short(name: str, *, kept: int, seconds: float = 600) -> JobManager:
            limits = JobLimits(
                seconds=seconds,
                memory_bytes=2 << 30,
                standby_s=0,
                kept_per_owner=kept,
                origin_share=origin_share,
            )
            return JobManager(root, at_once=2, name=name, limits=limits)

        clip = JobLimits(
            seconds=3 * MAX_READ_S,
            memory_bytes=1 << 30,
            standby_s=0,
            waiting=10,
            kept_per_owner=2,
            origin_share=origin_share,
        )
        return cls(
            trainings=JobManager(root, limits=JobLimits(origin_share=origin_share)),
            checks=short("The check of your photos", kept=2),
            heads=short("The work", kept=6),
            many=short("Naming your photos", kept=1, seconds=1800),
            clips=JobManager(root, name=CLIP, limits=clip),
        )


def build_page(model: str | None = None, *, classroom: Classroom | None = None, server_live: bool = False) -> Page:
    """Put the page together around a model (see `load_classifier`); raises ModelError if that cannot be used.

    `server_live` has the server answer cameras, where else the browsers of the visitors do.
    """
    classifier, card, shares = load_classifier(model), load_card(model), Shares()
    os.environ.update(NO_TABLE_OF_CALLS)
    if UPLOAD_FOLDER not in os.environ:  # one that nobody else keeps files in, and that is gone when this process is
        uploads = Workspace(UPLOADS)
        atexit.register(uploads.close)
        os.environ[UPLOAD_FOLDER] = str(uploads.directory)
    jobs = PageJobs.of(JOBS, origin_share=1.0 if classroom else SHARE_OF_AN_ADDRESS)
    with gr.Blocks(title=TITLE, analytics_enabled=False) as demo:
        gr.HTML(render("base.header", title=TITLE, description=DESCRIPTION), js_on_load=tabs.script() + UNTYPED_FILES)
        classify = ClassifyTab(classifier, card)
        live = LiveTab(classify, shares, on_server=server_live)
        train = TrainTab(demo, classify, live.frames, jobs.trainings, jobs.checks, jobs.heads)
        many, video = ManyTab(demo, jobs.many, classify), VideoTab(demo, jobs.clips, classify)
        quiz = QuizTab(demo, classify)
        with tab_row(tabs.GROUPS) as groups:
            with tab("Name a dance", "name"), tab_row(tabs.WAYS) as ways:
                with tab("One photo", "photo"):
                    classify.lay_out()
                with tab("Many photos", "many"):
                    many.lay_out()
                with tab("Live", "live"):
                    live.lay_out()
                with tab("Video", "video"):
                    video.lay_out()
                with tab("Check this photo", "check"):
                    CheckTab().lay_out()
            with tab("Train your own", "train"):
                train.lay_out()
            with tab("Quiz", "quiz"):
                quiz.lay_out()
            with tab("About", "about"):
                about(card)
            if classroom:
                join_tab(classroom)
        for asked, way in ((train.use.asked, "photo"), (train.use.asked_many, "many")):  # where the own model answers
            asked.success(lambda own, way=way: _way(own, way), classify.own, [groups, ways], **QUICK)
        add_endpoints(classifier, card, shares, jobs.heads)
        probe = gr.Button(visible=False).click(lambda: None, None, None, api_visibility="private", **PHOTO_LINE)
    demo.queue(api_open=False, max_size=WAITING_IN_CLASS if classroom else WAITING_AT_MOST)
    note_no_files(demo)
    trim_config(demo)
    each = IN_CLASS if classroom else WAITING_EACH
    queue = use_fair_queue(demo, waiting_each=each, shares=shares)
    gallery = str(classify.gallery.value) if classify.examples else ""
    screen = first_screen(
        groups=tabs.labels(groups),
        ways=tabs.labels(ways),
        placeholder=classify.photo.placeholder or "",
        gallery=gallery,
        welcome=str(classify.notice.value),
    )
    first = First(screen, pictures_in(gallery), first_files(demo))
    routes = (*live.routes, examples_route(classify.examples))
    return Page(demo, routes, first, queue, shares, probe["id"])


def _way(own: Model | None, way: str) -> tuple[Any, Any]:
    """Go to a tab of "Name a dance", where there is an own model that shall answer there."""
    return (gr.Tabs(selected="name"), gr.Tabs(selected=way)) if own else (gr.skip(), gr.skip())
