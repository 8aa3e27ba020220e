"""Two ways of the step "Use": publish the head on the Hugging Face Hub, and load one from there.

Here are the components only; the step starts the jobs and shows what came of them.
"""

import gradio as gr

from dance_demo.errors import ModelError
from dance_demo.hub_address import HubAddress
from dance_demo.hub_client import NO_TOKEN, Access
from dance_demo.ui import hub_markup as markup
from dance_demo.ui.hub_access import can_sign_in, hub_host


class PublishWay:
    """The form that publishes. Make it inside the page's Blocks."""

    def __init__(self) -> None:
        sign_in = can_sign_in()
        with gr.Column(elem_classes="way", elem_id="publish"):
            gr.HTML(markup.publish(hub_host(), sign_in=sign_in))
            if sign_in:
                gr.LoginButton("Sign in with Hugging Face", icon=None, size="sm", elem_id="sign-in")
            self.name = gr.Textbox(label="Where to", placeholder="your-name/my-dances", max_lines=1, max_length=250)
            self.public = gr.Checkbox(False, label="Public: everybody may see and use it")
            self.send = gr.Button("Publish to the Hub")
            self.result = gr.HTML(elem_id="published")


class LoadWay:
    """The form that fetches a head."""

    def __init__(self) -> None:
        with gr.Column(elem_classes="way", elem_id="load-from-hub"):
            gr.HTML(markup.load(hub_host()))
            self.address = gr.Textbox(label="Which head", placeholder="owner/name", max_lines=1, max_length=250)
            self.fetch = gr.Button("Load from the Hub")


def checked_name(name: str, access: Access) -> str:
    """Where to publish; raises `ModelError` at once for what the job would refuse."""
    repo = HubAddress.of_model(name).repo
    if not access.token:
        raise ModelError(NO_TOKEN)
    return repo


def checked_address(address: str) -> str:
    """What to fetch; raises `ModelError` for what is no address."""
    return str(HubAddress.of_model(address))
