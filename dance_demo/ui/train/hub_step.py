"""Two things of the step "Use" that go by the Hugging Face Hub: publish the head there, and load one from there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from dance_demo.errors import ModelError
from dance_demo.hub.address import HubAddress
from dance_demo.hub.client import NO_TOKEN, Access
from dance_demo.hub.online import reaches_hub
from dance_demo.model import publishing
from dance_demo.model.publishing import Published
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_markup import hint
from dance_demo.ui.components.step import Updates
from dance_demo.ui.server.hub_access import access_of, can_sign_in, hub_host

Task = Callable[[], tuple[Any, ...]]  # the work of a job and its arguments; raises ModelError for what cannot be done


UNREACHED = (
    "{host} cannot be reached from here, so nothing can be fetched or published now. Connect this computer to the "
    "internet, and open this step again."
)


class HubStep:
    """The two forms, and what happens when they are sent. The step "Use" `start`s the jobs and watches them.

    `head` is the id of the job that the head came from, `directory` says where that lies. Lay out both forms where they
    belong, and then `connect` them.
    """

    def __init__(
        self,
        page: gr.Blocks,
        *,
        head: gr.State,
        directory: Callable[[str], Path],
        start: Callable[..., Updates],
    ) -> None:
        self.page, self.head, self.directory, self.start = page, head, directory, start

    def lay_out_publish(self) -> None:
        """The form that publishes."""
        sign_in = can_sign_in()
        with gr.Column(elem_classes="way", elem_id="publish"):
            gr.HTML(render("train/use.publish", host=hub_host(), sign_in=sign_in))
            if sign_in:
                gr.LoginButton("Sign in with Hugging Face", icon=None, size="sm", elem_id="sign-in")
            self.name = gr.Textbox(label="Where to", placeholder="your-name/my-dances", max_lines=1, max_length=250)
            self.public = gr.Checkbox(False, label="Public: everybody may see and use it")
            self.send = gr.Button("Publish to the Hub")
            self.published = gr.HTML(elem_id="published")

    def lay_out_load(self) -> None:
        """The form that fetches a head."""
        with gr.Column(elem_classes="way", elem_id="load-from-hub"):
            gr.HTML(render("train/use.load", host=hub_host()))
            self.reach = gr.HTML()
            self.address = gr.Textbox(label="Which head", placeholder="owner/name", max_lines=1, max_length=250)
            self.fetch = gr.Button("Load from the Hub")

    def offer(self) -> Updates:
        """Say that the Hub cannot be reached, if so, before anybody fills in a form."""
        found = reaches_hub()
        forms = (self.name, self.public, self.send, self.address, self.fetch)
        return {self.reach: hub_hint(found)} | {one: gr.update(interactive=found) for one in forms}

    @property
    def offered(self) -> list[gr.blocks.Block]:
        return [self.reach, self.name, self.public, self.send, self.address, self.fetch]

    def connect(self, call: dict[str, Any]) -> None:
        """Say what happens on each action of the visitor; `call` says how Gradio calls what starts a job."""
        sent = [self.name, self.public, self.head]
        self.send.click(self.publish, sent, **call, show_progress_on=self.send)
        asking = [self.fetch.click, self.address.submit]
        gr.on(asking, self.load, self.address, **call, show_progress_on=self.fetch)

    def publish(
        self, name: str, public: bool, head: str, request: gr.Request, signed_in: gr.OAuthToken | None
    ) -> Updates:
        """Put the head on the Hub, with the visitor's own token."""

        def task() -> tuple[Any, ...]:
            access = access_of(signed_in, request, self.page)
            return publishing.publish, self.directory(head), checked_name(name, access), access, public is True

        return {self.published: ""} | self.start(request, task)

    def load(self, address: str, request: gr.Request, signed_in: gr.OAuthToken | None) -> Updates:
        """Fetch a head from the Hub."""
        access = access_of(signed_in, request, self.page)
        name = address.partition("@")[0].rpartition("/")[2] if isinstance(address, str) else ""
        return self.start(request, lambda: (publishing.fetch, checked_address(address), access), name)

    def shown(self, result: Published) -> Updates:
        """Where the head lies now."""
        name = result.address.removeprefix("hf://").partition("@")[0]
        where = {"name": name, "address": result.address, "url": result.url, "private": result.private}
        return {self.published: render("train/use.published", **where)}


def hub_hint(reached: bool) -> str:
    """Why the forms of the Hub are disabled; nothing if they are not."""
    return "" if reached else hint(UNREACHED.format(host=hub_host()))


def checked_name(name: str, access: Access) -> str:
    """Where to publish; raises `ModelError` at once for what the job would refuse."""
    repo = HubAddress.of_model(name).repo
    if not access.token:
        raise ModelError(NO_TOKEN)
    return repo


def checked_address(address: str) -> str:
    """What to fetch; raises `ModelError` for what is no address."""
    return str(HubAddress.of_model(address))
