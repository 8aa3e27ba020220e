"""What one address may ask for: the table in the documents is the one that is enforced, and the addresses are real."""

import re

import pytest

from dance_demo.ui.launch import CONNECTIONS, CONNECTIONS_EACH, VISITS_REMEMBERED
from dance_demo.ui.page import SHARE_OF_AN_ADDRESS, WAITING_AT_MOST, WAITING_IN_CLASS
from dance_demo.ui.server.callers import SESSIONS_REMEMBERED, Callers, network_of
from dance_demo.ui.server.fair_queue import UNREAD_EACH
from dance_demo.ui.server.limits.budgets import BUDGETS, Budgets, Spent
from tests.support import ROOT

DOCUMENT = (ROOT / "docs" / "server.md").read_text(encoding="utf-8").partition("## What one address may ask for")[2]


def test_the_table_in_the_documents_is_what_is_enforced():
    rows = re.findall(r"^\| (requests|visits|bytes|files)[^|]*\| ([\d,]+) \| ([\d,]+) \|", DOCUMENT, re.MULTILINE)
    told = {kind: tuple(float(number.replace(",", "")) for number in numbers) for kind, *numbers in rows}
    assert told == BUDGETS
    for number in (CONNECTIONS, CONNECTIONS_EACH, WAITING_AT_MOST, WAITING_IN_CLASS, UNREAD_EACH, VISITS_REMEMBERED):
        assert f"{number:,}" in DOCUMENT, number
    assert SHARE_OF_AN_ADDRESS == 0.25 and "a quarter of the jobs" in DOCUMENT


@pytest.mark.parametrize("kind", BUDGETS)
def test_what_is_spent_comes_back_with_time_and_only_to_who_has_spent_it(kind):
    now_s = [0.0]
    budgets, (burst, per_s) = Budgets(lambda: now_s[0]), BUDGETS[kind]
    budgets.take(kind, "192.0.2.1", burst)
    with pytest.raises(Spent, match="Try again in") as spent:
        budgets.take(kind, "192.0.2.1", per_s * 10)
    assert spent.value.wait_s == 10
    with pytest.raises(Spent):
        budgets.check(kind, "192.0.2.1")
    budgets.check(kind, "192.0.2.2")
    now_s[0] += 10
    budgets.take(kind, "192.0.2.1", per_s * 10)


def scope(client: str, *forwarded: str, proto: str = "") -> dict:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    headers.append((b"x-forwarded-proto", proto.encode()))
    return {"type": "http", "client": (client, 1), "scheme": "http", "headers": headers}


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, ("203.0.113.9",), "10.0.0.1"),  # whoever says so
        (1, (), "10.0.0.1"),
        (1, ("203.0.113.9",), "203.0.113.9"),
        (1, ("1.1.1.1, 203.0.113.9",), "203.0.113.9"),  # what stands left was written by the caller
        (1, ("1.1.1.1", "203.0.113.9"), "203.0.113.9"),
        (2, ("1.1.1.1, 203.0.113.9, 10.0.0.2",), "203.0.113.9"),
        (2, ("203.0.113.9",), "203.0.113.9"),
        (1, ("no address",), ""),
    ],
)
def test_an_address_is_what_the_trusted_proxies_saw(proxies, forwarded, address):
    asked = scope("10.0.0.1", *forwarded)
    assert Callers(proxies).identify(asked).address == address == asked["client"][0]


def test_only_a_trusted_proxy_says_that_it_was_https():
    for proxies, scheme in ((0, "http"), (1, "https")):
        asked = scope("10.0.0.1", proto="https")
        Callers(proxies).identify(asked)
        assert asked["scheme"] == scheme


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1%eth0", "2001:db8:1:2::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("::1", "::1"),
        ("", ""),
        ("x" * 10_000, ""),
    ],
)
def test_a_customer_of_ipv6_is_one_whichever_of_its_addresses_it_takes(address, network):
    assert network_of(address) == network


def test_sessions_are_remembered_with_their_address_and_not_for_ever():
    callers = Callers()
    assert callers.note("a", "192.0.2.1") and not callers.note("a", "192.0.2.1")
    for number in range(SESSIONS_REMEMBERED):
        callers.note(f"s{number}", "192.0.2.2")
    assert callers.address_of("a") == "" and callers.address_of("s5") == "192.0.2.2"
