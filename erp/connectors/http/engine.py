"""The engine: sends a profile's requests to one system, logged in, and returns their rows.

It retries nothing, but for two things that are no failures: a session that has expired, and an
idle connection that the server closed just when it was used. Everything that goes wrong inside is
a `Failure` or `UnreadableAnswer`; `_told` turns it into one of `erp.errors`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from erp import tls as tls_settings
from erp.connector import Attempt
from erp.connectors.engine import RawRow, Value, Written
from erp.connectors.http.answer import Answer, Content, rows_at
from erp.connectors.http.auth import Account, Keeper
from erp.connectors.http.checks import demand_known, place
from erp.connectors.http.desk import LoginDesk
from erp.connectors.http.failure import Failure, Means
from erp.connectors.http.paging import PAGES_MAX, Paging, compile_paging, demand_body
from erp.connectors.http.request import (
    Outgoing,
    RequestTemplate,
    compile_request,
)
from erp.connectors.http.section import Section, compile_section
from erp.connectors.http.transport import Grant, Transport
from erp.deadline import Deadline
from erp.errors import BadAnswer, UnreadableAnswer
from erp.profiles.errors import ProfileError
from erp.settings import SystemSettings
from erp.trace import Hop, Trace

_log = logging.getLogger(__name__)

WARM_CONNECTIONS = 2
"""Connections that are kept warm: availability asks two questions at once."""

ROWS_MAX = 500
"""Most rows of a part that says no `limit`."""

PART_KEYS = ("request", "rows", "paging", "fields", "limit", "first", "within", "refine")
WRITE_KEYS = ("request", "rows", "fields")
CHEAPEST = Outgoing("GET", "")
"""Not HEAD: some servers answer it without a length, and then aiohttp closes the connection."""


@dataclass(frozen=True)
class PreparedRequest:
    """A part of a profile: its request, where its rows are, and how it pages."""

    request: RequestTemplate
    rows: tuple[str, ...]
    paging: Paging | None
    enough: int
    """More rows than these need not be fetched."""
    rows_max: int
    """Most rows of one page that are looked at: one more than the part allows, so that it shows."""

    @property
    def names(self) -> frozenset[str]:
        """The parameters that it needs."""
        return self.request.names


def prepare(part: Mapping[str, object], where: str) -> PreparedRequest:
    """Make a request of a part's own keys. Raises ProfileError."""
    demand_known(part, PART_KEYS, where)
    if "request" not in part:
        raise ProfileError(f"{where}.request is not given: write how it is asked")
    request = compile_request(part["request"], f"{where}.request")
    paging = compile_paging(part.get("paging"), f"{where}.paging")
    demand_body(paging, request.body, f"{where}.paging")
    limit = part.get("limit")
    enough = limit if isinstance(limit, int) else ROWS_MAX
    return PreparedRequest(
        request=request,
        rows=place(part.get("rows"), f"{where}.rows"),
        paging=paging,
        enough=0 if part.get("first") else enough,
        rows_max=enough + 1,
    )


def prepare_write(part: Mapping[str, object], where: str) -> PreparedRequest:
    """Make a request that changes the system, of a part's own keys. Raises ProfileError."""
    demand_known(part, WRITE_KEYS, where)
    prepared = prepare(part, where)
    if prepared.request.method in ("GET", "HEAD"):
        method = prepared.request.method
        raise ProfileError(f"{where}.request.method is {method}: write POST or PUT")
    return prepared


class HttpEngine:
    """One system over HTTP. Belongs to one event loop. See `erp.connectors.engine.Engine`.

    Raises ProfileError when the section names what the configuration does not give, and
    ValueError for a url that is none.
    """

    def __init__(
        self,
        system: str,
        settings: SystemSettings,
        profile_section: Mapping[str, object],
        tls: str | None,
        parameters: Mapping[str, str],
    ) -> None:
        section = compile_section(profile_section, "http")
        account = Account(system, settings.user, settings.password, settings.secrets, parameters)
        _demand_url(system, settings.url)
        _demand_given(section, account)
        self._system = system
        self._section = section
        self._transport = Transport(
            settings.url,
            settings.connections,
            settings.answer_max_bytes,
            lambda: _tls_context(settings, tls, section.tls),
        )
        self._desk = LoginDesk(account, self._section, self._transport)
        self._keeper = Keeper(system, self._desk.log_in)
        self._warm = min(WARM_CONNECTIONS, settings.connections)
        parts = urlsplit(settings.url)
        self._plain = parts.scheme == "http" and not tls_settings.is_loopback(parts.hostname or "")

    async def open(self, deadline: Deadline, trace: Trace | None = None) -> None:
        """Connect and log in. May be called again after a failure. Raises ErpError."""
        noted = Trace(self._system, "open") if trace is None else trace
        if self._plain:
            _log.warning("system=%s its url is http: all goes in plain text, our login as well",
                         self._system)
        with self._told("open"):
            await self._transport.open()
            with noted.span(Hop.AUTH):
                await self._keeper.current(deadline)
            await self._keep_warm(deadline, noted)

    async def close(self) -> None:
        """Close every connection. May be called twice, and without `open`."""
        await self._keeper.close()
        await self._transport.close()

    async def tend(self, deadline: Deadline) -> None:
        """Renew the login when it expires soon, and keep connections warm. Raises ErpError."""
        with self._told("tend"):
            await self._transport.open()
            await self._keeper.tend(deadline)
            await self._keep_warm(deadline, Trace(self._system, "tend"))

    async def read(
        self, prepared: PreparedRequest, values: Mapping[str, Value], attempt: Attempt
    ) -> Sequence[RawRow]:
        """Send one request, or one for each page, and return its rows. Raises ErpError."""
        with self._told(attempt.trace.operation):
            outgoing = self._outgoing(prepared.request, values)
            if prepared.paging is None:
                return (await self._page(outgoing, prepared, attempt))[0]
            return await self._pages(outgoing, prepared, prepared.paging, attempt)

    async def write(
        self,
        prepared: PreparedRequest,
        find: PreparedRequest,
        values: Mapping[str, Value],
        attempt: Attempt,
    ) -> Written:
        """Send one request that changes the system; return its answer's rows. Raises ErpError.

        It is sent again only when our session had expired: then it was not let in.
        """
        with self._told(attempt.trace.operation):
            outgoing = replace(self._outgoing(prepared.request, values), writes=True)
            return Written((await self._page(outgoing, prepared, attempt))[0])

    def _outgoing(self, request: RequestTemplate, values: Mapping[str, Value]) -> Outgoing:
        tags = self._section.decoder.tags
        outgoing = request.fill(values, tags.tagged if tags else None)
        return replace(outgoing, headers={**self._desk.headers, **outgoing.headers})

    async def _pages(
        self, outgoing: Outgoing, prepared: PreparedRequest, paging: Paging, attempt: Attempt
    ) -> Sequence[RawRow]:
        rows: list[RawRow] = []
        asked: Outgoing | None = paging.first(outgoing)
        for page in range(1, PAGES_MAX + 1):
            if asked is None:
                return rows
            found, answer, decoded = await self._page(asked, prepared, attempt)
            rows += found
            if len(rows) > prepared.enough or answer is None:
                return rows
            asked = paging.following(outgoing, answer, decoded, page, len(found))
        if asked is None:
            return rows
        raise UnreadableAnswer(f"over {PAGES_MAX} pages")

    async def _page(
        self, outgoing: Outgoing, prepared: PreparedRequest, attempt: Attempt
    ) -> tuple[list[RawRow], Answer | None, object]:
        """Return the rows of one answer, the answer, and its decoded body."""
        answer, content = await self._answer(outgoing, attempt)
        if answer is None or content is None:
            return [], None, None
        decoded = content.decoded()
        return rows_at(decoded, prepared.rows, prepared.rows_max), answer, decoded

    async def _answer(
        self, outgoing: Outgoing, attempt: Attempt
    ) -> tuple[Answer, Content] | tuple[None, None]:
        """Ask with our login; log in again once when it has expired. None: no such record."""
        grant = self._keeper.ready
        if grant is None:
            with attempt.trace.span(Hop.AUTH):
                grant = await self._keeper.current(attempt.deadline)
        failure, answer, content = await self._once(outgoing, grant, attempt)
        if failure is not None and failure.means is Means.EXPIRED and self._section.auth.renews:
            with attempt.trace.span(Hop.AUTH):
                grant = await self._keeper.renewed(grant, attempt.deadline)
            failure, answer, content = await self._once(outgoing, grant, attempt)
            if failure is not None and failure.means is Means.EXPIRED:
                raise Failure(Means.REFUSED, "refuses the session that it has just given us")
        if failure is None:
            return answer, content
        if failure.means is Means.NOT_FOUND:
            return None, None
        raise failure

    async def _once(
        self, outgoing: Outgoing, grant: Grant, attempt: Attempt
    ) -> tuple[Failure | None, Answer, Content]:
        answer = await self._transport.send(outgoing, grant, attempt.deadline, attempt.trace)
        content = Content(answer, self._section.decoder, attempt.trace)
        await content.settle()
        return self._section.errors.failure(answer, content), answer, content

    async def _keep_warm(self, deadline: Deadline, trace: Trace) -> None:
        """Send a cheap request over as many connections as are kept warm, all at once."""
        warm = self._section.keep_warm
        if warm is not None:
            outgoing = self._outgoing(warm, self._desk.account.values())
            asked = [self._answer(outgoing, Attempt(deadline, trace)) for _ in range(self._warm)]
            await _all(asked, self._system)
        else:
            await _all([self._touch(deadline, trace) for _ in range(self._warm)], self._system)

    async def _touch(self, deadline: Deadline, trace: Trace) -> None:
        """Send a request without a login; any answer shows that there is a connection."""
        try:
            await self._transport.send(CHEAPEST, Grant(), deadline, trace)
        except UnreadableAnswer as error:
            _log.debug("%s: its url answers with %s", self._system, error)

    @contextmanager
    def _told(self, operation: str) -> Iterator[None]:
        """Tell what went wrong as `erp.errors`: the one place where that is done."""
        try:
            yield
        except Failure as failure:
            raise failure.as_error(self._system, operation) from failure
        except UnreadableAnswer as error:
            raise BadAnswer(self._system, operation, f"answered with {error}") from error


async def _all(work: Sequence[Coroutine[Any, Any, object]], system: str) -> None:
    """Do several things at once, wait for all of them, and raise the first failure."""
    tasks = [
        asyncio.create_task(each, name=f"{system} warm {number}")
        for number, each in enumerate(work)
    ]
    for ending in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ending, BaseException):
            raise ending


async def _tls_context(
    settings: SystemSettings, least: str | None, login: bool
) -> ssl.SSLContext | None:
    """Return the context of a system behind TLS; its files are read off the event loop.

    login: true when the login is behind TLS, whatever the system is.
    """
    if not login and not settings.url.startswith("https:"):
        return None
    try:
        return await asyncio.to_thread(tls_settings.context, settings, least)
    except ValueError as error:
        # The sentence names a setting and a path, no secret.
        raise Failure(Means.REFUSED, f"cannot be asked: {error}") from error


def _demand_url(system: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(
            f"systems.{system}.url is {url!r}: write one such as https://erp.example.com:8000"
        )


def _demand_given(section: Section, account: Account) -> None:
    for name in sorted(section.needs.parameters - account.parameters.keys()):
        raise ProfileError(
            f"http names {name!r}, which is no parameter of systems.{account.system}: give it"
        )
    for name in sorted(section.needs.secrets):
        account.secret(name)
