"""The line in which calls wait, with a turn for everybody: one visitor's hundred calls hold nobody up.

    one call of each address, one after the other; and within an address one of each visitor

A visitor is a browser tab (by its session) or a program. Sessions cost nothing to make up, addresses do; but a whole
class may share one address. So neither counts alone: many calls of one session wait behind the others at that address,
and many sessions of one address wait behind the other addresses. How many may wait is bounded for both.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

import gradio as gr
from fastapi import HTTPException
from gradio.queueing import Event, Queue

WAITING_EACH = 8  # calls of one visitor
SHARE_OF_AN_ADDRESS = 0.75  # of all places in the line

TOO_MANY = "You have {count} calls waiting already. Let them finish first, so that everybody gets a turn."
CROWDED = "Too many calls are waiting at your address. Try again in a moment."


def let_everybody_have_a_turn(demo: gr.Blocks) -> None:
    """Put the fair line in the place of the page's queue, with as many places. For after `demo.queue(...)`."""
    plain = demo._queue
    demo._queue = FairQueue(
        live_updates=plain.live_updates,
        concurrency_count=plain.max_thread_count,
        update_intervals=plain.update_intervals,
        max_size=plain.max_size,
        blocks=demo,
        default_concurrency_limit=plain.default_concurrency_limit,
    )


class FairQueue(Queue):
    """Gradio's queue, which always takes the first in line, with the line put in order whenever somebody joins it."""

    async def push(self, body, request, username):  # noqa: ANN001, ANN201  as Gradio has it
        """As Gradio's; 429 with a sentence for who has enough calls waiting."""
        self._check_room(body.session_hash, request.client.host)
        success, id, state = await super().push(body, request, username)
        if success and (event := self.event_ids_to_events.get(id)):
            line = self.event_queue_per_concurrency_id[event.concurrency_id].queue
            line[:] = in_turn(line)
            if event in line:  # those before it wait no longer than they were told
                self.broadcast_estimations(event.concurrency_id, line.index(event))
        return success, id, state

    def _check_room(self, session: str | None, address: str) -> None:
        waiting = [event for line in self.event_queue_per_concurrency_id.values() for event in line.queue]
        theirs = [event for event in waiting if _address(event) == address]
        count = sum(_visitor(event) == (address, session) for event in theirs)
        if count >= WAITING_EACH:
            raise HTTPException(429, TOO_MANY.format(count=count))
        if self.max_size and len(theirs) >= SHARE_OF_AN_ADDRESS * self.max_size:
            raise HTTPException(429, CROWDED)


def in_turn(line: Sequence[Event]) -> list[Event]:
    """The same calls, in a fair order. Who was first stays first, among those whose turn it is equally."""
    return _dealt(_dealt(line, _visitor), _address)


def _dealt(line: Sequence[Event], owner: Callable[[Event], Hashable]) -> list[Event]:
    """The first call of every owner, then the second of every owner, and so on."""
    so_far: Counter[Hashable] = Counter()

    def turn(event: Event) -> int:
        so_far[owner(event)] += 1
        return so_far[owner(event)]

    return sorted(line, key=turn)  # asks once for each, in the order of the line


def _address(event: Event) -> str:
    return event.request.client.host


def _visitor(event: Event) -> tuple[str, str | None]:
    """Address and session; a program that names no session has the event's id in its place."""
    return _address(event), None if event.session_hash == event._id else event.session_hash
