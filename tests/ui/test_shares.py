"""Who comes first: whoever has had least of the server lately."""

import threading
import time

from dance_demo.ui.server.callers import Caller
from dance_demo.ui.server.limits.shares import AT_ONCE, FREE, KEYS, MEMORY_S, Shares
from tests.ui.test_rate_limits import Clock

BAD, OTHER, HONEST = Caller("198.51.100.7"), Caller("198.51.100.8"), Caller("192.0.2.1")


def had(shares: Shares, *pairs: tuple[Caller, float]) -> None:
    for caller, seconds in pairs:
        shares.spend(caller, seconds)


def test_W5_who_is_alone_has_all_and_who_takes_most_while_others_are_here_is_over():
    clock = Clock()
    shares = Shares(clock)
    had(shares, (BAD, 100))
    assert not shares.over(BAD), "nobody else is here"
    had(shares, (HONEST, 0.04))
    assert shares.over(BAD) and not shares.over(HONEST)
    had(shares, (OTHER, 100))
    assert shares.over(BAD) and shares.over(OTHER) and not shares.over(HONEST)
    clock.now_s += 60
    had(shares, (HONEST, 0.04), (BAD, 0.04))
    assert not shares.over(BAD), "forgotten"


def test_W5_who_only_asks_whether_the_server_is_up_makes_nobody_wait():
    """A class was held back three seconds of ten, for our own probe of the line; and by each watchdog outside."""
    shares = Shares(Clock())
    had(shares, (Caller("probe"), 0.0001), (Caller("203.0.113.9"), 0.004), (BAD, 100))
    assert not shares.over(BAD), "he is as good as alone"
    pupils = [Caller("192.0.2.1", f"pupil {number}") for number in range(30)]
    had(shares, *((pupil, 0.3) for pupil in pupils))
    assert shares.over(BAD) and not any(map(shares.over, pupils))


def test_W5_those_who_do_as_much_as_each_other_hold_nobody_back():
    shares = Shares(Clock())
    visitors = [Caller(f"10.0.0.{number}") for number in range(30)]
    had(shares, *((visitor, 1.0) for visitor in visitors))
    assert not any(map(shares.over, visitors))
    light = FREE * MEMORY_S * 0.9
    had(shares, (HONEST, light))
    assert not shares.over(HONEST), "a photo now and then never counts"


def test_W5_within_an_address_of_many_it_is_the_visitor_who_counts():
    shares = Shares(Clock())
    pupils = [Caller("192.0.2.1", f"pupil {number}") for number in range(30)]
    had(shares, *((pupil, 0.5) for pupil in pupils), (pupils[0], 30))
    assert shares.over(pupils[0]) and not any(map(shares.over, pupils[1:]))


def test_W5_of_all_who_are_over_one_is_at_work_and_then_there_is_a_rest():
    clock = Clock()
    shares = Shares(clock)
    had(shares, (BAD, 10), (OTHER, 10), (HONEST, 0.04))
    turn = shares.begin(BAD)
    assert turn and not shares.begin(BAD) and not shares.begin(OTHER)
    mine = [shares.begin(HONEST, at_once=2) for _ in range(3)]
    assert [bool(one) for one in mine] == [True, True, False]
    clock.now_s += 0.4
    turn.end()
    turn.end()
    assert not shares.begin(OTHER)
    clock.now_s += 0.21
    assert shares.begin(OTHER)


def test_W5_whoever_has_had_least_gets_the_next_turn_and_none_waits_for_ever():
    shares, order = Shares(), list[str]()
    had(shares, (BAD, 4), (OTHER, 3), (HONEST, 0.04))
    first = shares.begin(BAD)
    assert first

    def work(caller: Caller) -> None:
        with shares.turn(caller):
            order.append(caller.address)

    threads = [threading.Thread(target=work, args=(caller,)) for caller in (BAD, OTHER, HONEST)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    assert order == [HONEST.address]
    first.end()
    for thread in threads:
        thread.join(10)
    assert order == [HONEST.address, OTHER.address, BAD.address]


def test_W5_turns_within_the_share_are_so_many_at_once():
    shares = Shares(Clock())
    turns = [shares.begin(HONEST, at_once=AT_ONCE) for _ in range(AT_ONCE + 1)]
    assert all(turns[:-1]) and turns[-1] is None


def test_W5_small_work_of_who_is_over_is_paced_and_that_of_others_is_not():
    clock = Clock()
    shares = Shares(clock)
    had(shares, (BAD, 10), (HONEST, 0.04))
    waits = [shares.pace_s(BAD, 0.01) for _ in range(1000)]
    assert waits[0] == 0 and 20 < waits[-1] < 40, "ten seconds of work at a third of a processor"
    assert [shares.pace_s(HONEST, 0.001) for _ in range(20)] == [0.0] * 20


def test_what_is_remembered_is_bounded():
    clock = Clock()
    shares = Shares(clock)
    for number in range(3 * KEYS):
        had(shares, (Caller(f"10.0.{number}"), 5.0))
        shares.pace_s(Caller(f"10.0.{number}"), 0.1)
    assert len(shares._addresses._had) == len(shares._visitors._had) == KEYS
    assert len(shares._paced_until_s) <= KEYS
