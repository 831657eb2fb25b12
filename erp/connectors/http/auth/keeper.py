"""Keeps the grant of one system: fetched once for all who wait, renewed before it expires.

A login is a task of its own with a time of its own: a caller whose deadline passes while it runs
does not take it away from the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from erp.connectors.http.failure import Failure, Means
from erp.connectors.http.transport import Grant
from erp.deadline import Deadline

_log = logging.getLogger(__name__)

MARGIN_S = 60.0
"""A grant with less than this left, in seconds, is renewed by `tend`, which comes every 20 s."""

MARGIN_SHARE = 0.5
"""Of a grant that lives only briefly, at most this share is left unused."""

REFUSED_HOLD_S = 5.0
"""For so long a refused login is not tried again: systems lock a user after some wrong ones."""


class Keeper:
    """The grant of one system. Belongs to one event loop.

    obtain: logs in, in a time of its own. Raises Failure.
    """

    def __init__(self, system: str, obtain: Callable[[], Awaitable[Grant]]) -> None:
        self._system = system
        self._obtain = obtain
        self._grant: Grant | None = None
        self._login: asyncio.Task[Grant] | None = None
        self._refused: tuple[float, Failure] | None = None

    @property
    def ready(self) -> Grant | None:
        """The grant, when there is one that has not expired; it costs no time."""
        grant = self._grant
        if grant is None or grant.expires_at_s is None:
            return grant
        return grant if asyncio.get_running_loop().time() < grant.expires_at_s else None

    async def current(self, deadline: Deadline) -> Grant:
        """Return a grant, after a login when there is none. Raises Failure."""
        return self.ready or await self._logged_in(deadline)

    async def renewed(self, expired: Grant, deadline: Deadline) -> Grant:
        """Return another grant than the one that did not work. Raises Failure."""
        if self._grant is expired:
            self._grant = None
        return await self.current(deadline)

    async def tend(self, deadline: Deadline) -> None:
        """Renew the grant when it expires soon; the old one serves until then. Raises Failure."""
        grant = self.ready
        if grant is not None:
            if grant.expires_at_s is None:
                return
            margin_s = min(MARGIN_S, grant.lifetime_s * MARGIN_SHARE)
            if grant.expires_at_s - asyncio.get_running_loop().time() > margin_s:
                return
        await self._logged_in(deadline)

    async def close(self) -> None:
        """Forget the grant, and end a login that runs."""
        self._grant, self._refused = None, None
        login, self._login = self._login, None
        if login is not None:
            login.cancel()
            await asyncio.wait({login})

    async def _logged_in(self, deadline: Deadline) -> Grant:
        now_s = asyncio.get_running_loop().time()
        if self._refused is not None and now_s < self._refused[0]:
            raise self._refused[1].again()
        if self._login is None:
            self._login = asyncio.create_task(self._log_in(), name=f"{self._system} login")
            self._login.add_done_callback(self._forget_login)
        login = self._login
        await asyncio.wait({login}, timeout=deadline.remaining_s(now_s))
        if not login.done():
            raise Failure(Means.SLOW, "no login by the deadline")
        if login.cancelled():
            raise Failure(Means.DOWN, "is not open")
        error = login.exception()
        if isinstance(error, Failure):
            raise error.again() from error
        return login.result()

    async def _log_in(self) -> Grant:
        try:
            grant = await self._obtain()
        except Failure as failure:
            if failure.means is Means.REFUSED:
                held_s = asyncio.get_running_loop().time() + REFUSED_HOLD_S
                self._refused = (held_s, failure)
            raise
        self._refused = None
        self._grant = grant
        return grant

    def _forget_login(self, login: asyncio.Task[Grant]) -> None:
        if self._login is login:
            self._login = None
        if not login.cancelled() and login.exception() is not None:
            # Whoever waits for it raises it; when nobody does any more, this is its only trace.
            _log.debug("%s: a login failed", self._system)
