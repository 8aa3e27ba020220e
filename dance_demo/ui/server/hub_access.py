"""Whose token speaks for a visitor on the Hugging Face Hub: the visitor's own, or nobody's.

| where the app runs                        | token                                                                |
|-------------------------------------------|----------------------------------------------------------------------|
| a Space with `hf_oauth: true`             | the one that the visitor signed in with, for that visitor alone      |
| one's own computer, with `--hub-token`    | HF_TOKEN of its environment, if the page is open to nobody else      |
| anywhere else                             | none; a token is never typed into the page                           |
"""

import ipaddress
import os
from importlib.util import find_spec
from urllib.parse import urlsplit

import gradio as gr

from dance_demo.hub.client import Access
from dance_demo.ui.gradio_private import served_at, thinks_it_is_a_space

LENT = "DANCE_DEMO_LENDS_HUB_ACCESS"  # of the environment: what `serve --hub-token` sets
SIGN_IN_ROUTES = ("/login/huggingface", "/login/callback", "/logout")
_OAUTH = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")  # somebody stands between


def can_sign_in() -> bool:
    """Whether the page can ask the Hub who a visitor is: a Space sets these variables for `hf_oauth: true`.

    Elsewhere Gradio would pretend to, and sign every visitor in as whoever runs the server.
    """
    return (
        thinks_it_is_a_space()
        and all(os.environ.get(name) for name in _OAUTH)
        and bool(find_spec("authlib") and find_spec("itsdangerous"))
    )


def hub_host() -> str:
    """The Hub that is asked, as people know it."""
    return urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co").netloc


def access_of(signed_in: gr.OAuthToken | None, request: gr.Request, page: gr.Blocks) -> Access:
    """What this visitor may do on the Hub."""
    if can_sign_in():
        return Access(signed_in.token if signed_in else "")
    lent = os.environ.get(LENT) and _at_this_computer(request, page)
    return Access(os.environ.get("HF_TOKEN", "").strip() if lent else "")


def _at_this_computer(request: gr.Request, page: gr.Blocks) -> bool:
    """Whether nobody but who sits here can have sent this: no proxy, no tunnel, no network leads to the page."""
    name, public = served_at(page)
    open_to_others = public or os.environ.get("SPACE_ID") or os.environ.get("DANCE_DEMO_ALLOWED_HOSTS")
    if open_to_others or not is_loopback(name):
        return False
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    return is_loopback(host) and not any(name in request.headers for name in _FORWARDED)


def is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address((host or "").strip("[]")).is_loopback
    except ValueError:
        return False
