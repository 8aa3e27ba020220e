"""The line in which calls wait, with a turn for everybody: one visitor's hundred calls hold nobody up.

    one call of each address, one after the other; and within an address one of each visitor

A visitor is a browser tab (by its session) or a program. Sessions cost nothing to make up, addresses do; but a whole
class may share one address. So neither counts alone: many calls of one session wait behind the others at that address,
and many sessions of one address wait behind the other addresses. How many may wait is bounded for both. Who has had
more than a fair share of the server lately takes one place in each line at most, and of all places where photos are
looked at one together with all others like that: see `shares`.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

import gradio as gr
from fastapi import HTTPException, Request

from dance_demo.ui.gradio_private import PROBE, Call, OrderedQueue, QueueState, address_of, session_of
from dance_demo.ui.server.callers import caller_of
from dance_demo.ui.server.limits.shares import Shares, Turn

WAITING_EACH = 8  # calls of one visitor, where many share an address
TIMES_THE_FREE = 3  # places in the line for one address: three quarters of all, and with others there is always a rest
FEW = 2  # calls of one browser that also find room where another one has filled the places of their address
WORK = {"photos", "redraws", "sheets", "quiz"}  # the lines whose calls are work on a photo; "many" has turns of its own
UNREAD_EACH, UNREAD_IN_ALL = 60, 250  # answers that nobody has fetched, of an address; each takes up to 0.3 MB

TOO_MANY = "You have {count} calls waiting already. Let them finish first, so that everybody gets a turn."
CROWDED = "Too many calls are waiting at your address. Try again in a moment."
UNREAD = "Answers are waiting to be fetched. Fetch them first, then send the next call."


def use_fair_queue(page: gr.Blocks, *, waiting_each: int = WAITING_EACH, shares: Shares | None = None) -> OrderedQueue:
    """Put the fair line in the place of the page's queue, with as many places. For after `page.queue(...)`.

    Of each visitor `waiting_each` calls may wait.
    """
    of_the_server = shares or Shares()
    turns: dict[str, Turn] = {}  # by call

    def admit(address: str, session: str | None, visitor: str, line: QueueState) -> None:
        """429 with a sentence for who has enough calls waiting, or answers."""
        theirs = [call for call in line.waiting if address_of(call) == address]
        count = sum(session_of(call) == session for call in theirs)
        if count >= waiting_each:
            raise HTTPException(429, TOO_MANY.format(count=count))
        known = visitor and sum(caller_of(call.request).visitor == visitor for call in theirs) < FEW
        times = 2 * TIMES_THE_FREE if known else TIMES_THE_FREE
        if line.most and len(theirs) >= times * (line.most - len(line.waiting)):
            raise HTTPException(429, CROWDED)
        unread: Counter[str] = Counter()
        for (whose, _), count in line.unread.items():
            unread[whose] += count
        if unread[address] >= UNREAD_EACH:
            full = address
        elif unread.total() >= UNREAD_IN_ALL:
            full = unread.most_common(1)[0][0]
        else:
            return
        most = max(count for (whose, _), count in line.unread.items() if whose == full)
        if line.unread[address, visitor] >= most or not line.drop_unread(full):
            raise HTTPException(429, UNREAD)

    def begin(call: Call, beside: Sequence[Call], most: int | None) -> bool:
        """Whether this call may begin now, `beside` those of the same line, of which `most` run at the same time."""
        caller = caller_of(call.request)
        if caller.address == PROBE:
            return True
        if call.concurrency_id in WORK:
            turn = of_the_server.begin(caller)
            if turn:
                turns[call._id] = turn
            return turn is not None
        return not (
            most
            and of_the_server.over(caller)
            and sum(of_the_server.over(caller_of(other.request)) for other in beside) >= max(1, most // 2)
        )

    def end(call: Call) -> None:
        if turn := turns.pop(call._id, None):
            turn.end()

    return OrderedQueue(page, admit=admit, order=in_turn, begin=begin, end=end, visitor_of=_cookie_of)


def in_turn(line: Sequence[Call], running: Sequence[Call] = ()) -> list[Call]:
    """The same calls, in a fair order. Who was first stays first, among those whose turn it is equally.

    What runs already counts as dealt.
    """
    return _dealt(_dealt(line, running, _visitor), running, address_of)


def _dealt(line: Sequence[Call], running: Sequence[Call], owner: Callable[[Call], Hashable]) -> list[Call]:
    """The first call of every owner, then the second of every owner, and so on."""
    so_far: Counter[Hashable] = Counter(map(owner, running))

    def turn(call: Call) -> int:
        so_far[owner(call)] += 1
        return so_far[owner(call)]

    return sorted(line, key=turn)  # asks once for each, in the order of the line


def _cookie_of(request: Request) -> str:
    return caller_of(request).visitor


def _visitor(call: Call) -> tuple[str, str | None]:
    return address_of(call), session_of(call)
