"""How the page is served: where, to whom, with what in front of it and what in the background."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.middleware import Middleware

from dance_demo.classroom.invitation import Classroom, welcome
from dance_demo.classroom.lan import ALL_IPV4, ALL_IPV6, own_names
from dance_demo.files.zip_archive import ArchiveLimits
from dance_demo.ui.about.first_page import ICON, WORDS, First, FirstPage, picture_route
from dance_demo.ui.api.mcp import offer_tools, refusals_in_words
from dance_demo.ui.api.openapi import plain_routes
from dance_demo.ui.components.scripts import scripts_route
from dance_demo.ui.components.theme import css, theme
from dance_demo.ui.gradio_private import (
    UNCHECKED_START,
    listen_too,
    remember_visits,
    upload_folder,
)
from dance_demo.ui.page import Page
from dance_demo.ui.server.below_path import BelowPath
from dance_demo.ui.server.callers import Callers
from dance_demo.ui.server.compression import Assets
from dance_demo.ui.server.guard import middleware
from dance_demo.ui.server.hub_access import is_loopback
from dance_demo.ui.server.limits.connections import accept_one_by_one, limit_connections
from dance_demo.ui.server.limits.process_limits import bound_the_log, give_memory_back, raise_file_limit
from dance_demo.ui.server.limits.shares import Shares
from dance_demo.ui.server.made_once import MadeOnce
from dance_demo.ui.server.password import PasswordGate
from dance_demo.ui.server.supervisor import Supervisor
from dance_demo.ui.server.sweeper import Sweeper

VISITS_REMEMBERED = 600  # some 0.1 MB each; whoever comes back later chooses the photo again
KEPT_S, SWEEP_EVERY_S = 3600.0, 60.0  # visitors' files
TRIM_EVERY_S = 30.0
PROBE_EVERY_S, ANSWERED_WITHIN_S = 10.0, 30.0  # a call of our own through the line of photos
CONNECTIONS, CONNECTIONS_EACH = 2_000, 600  # in all, and of one address: a class of thirty has 180


@dataclass(frozen=True)
class ServerOptions:
    """Where the page is served, and to whom."""

    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False  # also at a public address of Gradio's, for 72 hours
    mcp: bool = False  # also as tools for assistants
    password: str = ""  # that everybody must give once; "" for none
    certificate: tuple[str, str] | None = None  # PEM files, the certificate and its key: then by https
    classroom: Classroom | None = None  # says how to join, and lets in who uses a name or address of this computer
    trusted_proxies: int = 0  # that stand between visitors and the page, see `callers`
    root_path: str = ""  # below which a proxy shows the page, as /dance


def launch(page: Page, options: ServerOptions) -> None:
    """Serve the page until it is stopped."""
    demo, classroom = page.demo, options.classroom
    bound_the_log()
    most = min(CONNECTIONS, raise_file_limit() // 2)
    limit_connections(most, most if options.trusted_proxies or options.share else CONNECTIONS_EACH)
    os.environ["FORWARDED_ALLOW_IPS"] = ""  # or uvicorn believes whoever on this computer says that he is another
    callers, sweeper = Callers(options.trusted_proxies), Sweeper(upload_folder(), after_s=KEPT_S)
    supervisor = Supervisor()
    supervisor.every(SWEEP_EVERY_S, sweeper.sweep, name="sweeper")
    supervisor.every(TRIM_EVERY_S, give_memory_back, name="memory")

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        accept_one_by_one(loop)

        def probe() -> None:
            call = page.queue.probe(app, page.probe, ANSWERED_WITHIN_S)
            asyncio.run_coroutine_threadsafe(call, loop).result(2 * ANSWERED_WITHIN_S)

        if options.mcp:
            offer_tools(demo)
        remember_visits(app, demo, VISITS_REMEMBERED, callers.address_of, callers.has_page)
        supervisor.every(PROBE_EVERY_S, probe, name="line of calls", patience_s=3 * ANSWERED_WITHIN_S)
        supervisor.start()
        yield
        supervisor.close()

    certificate, key = options.certificate or (None, None)
    demo.launch(
        server_name=f"[{options.host}]" if ":" in options.host else options.host,  # as it stands in an address
        server_port=options.port,
        root_path=options.root_path or None,
        share=options.share,
        favicon_path=ICON,
        i18n=WORDS,
        theme=theme(),
        css=css(),
        app_kwargs={
            "middleware": _around(options, page.first, callers, sweeper, page.shares),
            "routes": [*plain_routes(demo, supervisor), *page.routes, picture_route(), scripts_route()],
            "lifespan": lifespan,
        },
        mcp_server=options.mcp,
        max_file_size=ArchiveLimits().archive_bytes,  # a zip; photos are held to less where they are opened
        enable_monitoring=False,
        run_history=False,  # or the browser would keep photos and answers
        show_error=False,
        ssr_mode=False,
        pwa=False,  # on Spaces it would be on, and promise an icon that there is not
        footer_links=["api", "settings"],
        prevent_thread_lock=True,
        quiet=classroom is not None,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        # Not verified: the server asks itself, by a name that no certificate holds, whether it is there.
        ssl_verify=certificate is None,
        **UNCHECKED_START,
    )
    if options.host == ALL_IPV6:
        listen_too(demo, ALL_IPV4)
    if classroom:
        print(welcome(classroom, coloured=_takes_colours(), encoding=sys.stdout.encoding or "ascii"), flush=True)
    demo.block_thread()


def _around(
    options: ServerOptions, first: First, callers: Callers, sweeper: Sweeper, shares: Shares
) -> list[Middleware]:
    """What every request passes before Gradio sees it, from the outside in."""
    gate = PasswordGate(options.password) if options.password else None
    # On this computer alone there is no other name for it; a class uses those that it has in the room's network.
    alone = is_loopback(options.host) and not options.share
    names: Collection[str] | None = own_names() if options.classroom else () if alone else None
    kept: dict[str, Any] = {"callers": callers, "shares": shares, "has_room": sweeper.has_room}
    guard = middleware(share=options.share, mcp=options.mcp, gate=gate, names=names, **kept)
    inner = [Middleware(Assets), Middleware(MadeOnce), Middleware(FirstPage, first=first)]
    below = [Middleware(BelowPath, path=options.root_path)] if options.root_path else []
    return [*below, *([refusals_in_words()] if options.mcp else []), *guard, *inner]


def _takes_colours() -> bool:
    return sys.stdout.isatty() and os.name != "nt"  # there they may come out as letters
