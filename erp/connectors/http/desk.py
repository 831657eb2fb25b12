"""The desk of one system where logins are made: outside every caller's turn and deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace

from erp.connectors.http.answer import Answer, Content
from erp.connectors.http.auth import Account
from erp.connectors.http.failure import Failure, Means
from erp.connectors.http.request import Outgoing, filled_headers
from erp.connectors.http.section import Section
from erp.connectors.http.transport import Grant, Transport
from erp.deadline import Deadline
from erp.errors import UnreadableAnswer
from erp.trace import Trace

_log = logging.getLogger(__name__)

LOGIN_MAX_S = 10.0
"""Longest time of a login, in seconds; who waits for it waits by their own deadline."""


class LoginDesk:
    """Implements `erp.connectors.http.auth.Desk` for one system."""

    def __init__(self, account: Account, section: Section, transport: Transport) -> None:
        self._account = account
        self._section = section
        self._transport = transport
        self._headers = filled_headers(section.headers, account.values())

    @property
    def account(self) -> Account:
        """Whom we log in as."""
        return self._account

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of all requests."""
        return self._headers

    def now_s(self) -> float:
        """Return the time of the loop's clock."""
        return asyncio.get_running_loop().time()

    async def ask(self, outgoing: Outgoing) -> Answer:
        """Send a request without a grant. Raises Failure.

        The headers of all requests go with it, but to nobody else than the system itself.
        """
        if not outgoing.url:
            outgoing = replace(outgoing, headers={**self._headers, **outgoing.headers})
        deadline = Deadline.after(self.now_s(), LOGIN_MAX_S)
        return await self._transport.send(outgoing, Grant(), deadline, None)

    def content(self, answer: Answer) -> object:
        """Return the decoded body. Raises UnreadableAnswer."""
        return self._section.decoder.decode(answer)

    def check(self, answer: Answer) -> None:
        """Raise Failure when the error table has this answer; its own words are not shown."""
        content = Content(answer, self._section.decoder, Trace(self._account.system, "login"))
        failure = self._section.errors.failure(answer, content, quiet=True)
        if failure is not None:
            raise failure

    async def log_in(self) -> Grant:
        """Return a new grant. Raises Failure."""
        try:
            grant = await self._section.auth.obtain(self)
        except UnreadableAnswer as error:
            raise Failure(Means.BAD, f"answered our login with {error}") from error
        except Failure as failure:
            if failure.means is Means.EXPIRED:
                raise Failure(
                    Means.REFUSED, "does not accept our user and password: mend them"
                ) from failure
            raise
        if self._section.auth.renews:
            _log.info("%s: logged in", self._account.system)
        return grant
