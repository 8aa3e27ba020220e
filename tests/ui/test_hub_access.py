"""Whose token a page may use."""

from types import SimpleNamespace

import pytest

from dance_demo.hub.client import Access
from dance_demo.ui.server import hub_access
from tests.support.hub_server import DANCER, STRANGER


def requested(**headers: str) -> SimpleNamespace:
    return SimpleNamespace(
        headers={"host": "127.0.0.1:7860"} | {name.replace("_", "-"): v for name, v in headers.items()}
    )


def page(server_name: str = "127.0.0.1", *, share: bool = False) -> SimpleNamespace:
    return SimpleNamespace(server_name=server_name, share=share)


@pytest.fixture
def with_token(monkeypatch):
    for name in ("SYSTEM", "SPACE_ID", "OAUTH_CLIENT_ID", "DANCE_DEMO_ALLOWED_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN", DANCER)
    monkeypatch.setenv(hub_access.LENT, "1")
    return monkeypatch


def test_S12_W12_the_environments_token_serves_nobody_unless_it_is_lent(with_token):
    with_token.delenv(hub_access.LENT)
    assert hub_access.access_of(None, requested(), page()) == Access()


def test_S12_the_environments_token_serves_only_whoever_sits_at_the_computer(with_token):
    allowed = [
        (requested(), page()),
        (requested(host="localhost:7860"), page("localhost")),
        (requested(host="[::1]:7860"), page("::1")),
    ]
    refused = [
        (requested(), page("0.0.0.0")),
        (requested(), page("192.168.1.5")),
        (requested(), page(share=True)),
        (requested(), page("")),
        (requested(host="dance.example"), page()),
        (requested(host=""), page()),
        (requested(x_forwarded_for="1.2.3.4"), page()),
        (requested(x_real_ip="1.2.3.4"), page()),
        (requested(forwarded="for=1.2.3.4"), page()),
        (requested(via="1.1 proxy"), page()),
    ]
    assert all(hub_access.access_of(None, *case) == Access(DANCER) for case in allowed)
    assert all(hub_access.access_of(None, *case) == Access() for case in refused)
    with_token.setenv("DANCE_DEMO_ALLOWED_HOSTS", "dance.example")
    assert hub_access.access_of(None, *allowed[0]) == Access()


def test_S12_on_a_space_it_is_the_visitors_own_token_or_none(with_token):
    with_token.setenv("SPACE_ID", "a/b")
    assert hub_access.access_of(None, requested(), page()) == Access()  # without hf_oauth, too
    for name in ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL"):
        with_token.setenv(name, "x")
    assert not hub_access.can_sign_in()  # these alone make no Space
    with_token.setenv("SYSTEM", "spaces")
    assert hub_access.can_sign_in()
    assert hub_access.access_of(None, requested(), page()) == Access()
    assert hub_access.access_of(SimpleNamespace(token=STRANGER), requested(), page()) == Access(STRANGER)


def test_S12_a_token_is_not_printed():
    assert DANCER not in repr(Access(DANCER)) + str(Access(DANCER)) + f"{[Access(DANCER)]}"
