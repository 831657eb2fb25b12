"""Tryton's JSON-RPC over HTTP: one session, its renewal, retries of reads, and errors.

Every call here is a read, so every call may be repeated; it must not be used for a write. A call
ends by its deadline. Foreign exceptions are mapped to `erp.errors` in `_mapped`, and nowhere else.

    POST /<database>/rpc/  {"id": 1, "method": "model.<name>.<method>", "params": [..., context]}
    Authorization: Session base64("<login>:<user id>:<token>")

Errors of Tryton's own come as HTTP 200 with `"error": [name, ...]`; an expired session is 401 and
a wrong password too; an unknown method is 403, an unknown database 404. Answers over 1,400 bytes
are gzip even for a client that did not say it can read that; aiohttp always says so.

Source: trytond 8.2, protocols/dispatcher.py, protocols/jsonrpc.py, exceptions.py.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import aiohttp
import tenacity
from aiohttp.http_exceptions import ContentEncodingError

from erp.connectors.tryton_settings import TrytonSettings
from erp.connectors.tryton_values import Row, UnreadableAnswer, decode, rows, shown
from erp.deadline import Deadline
from erp.errors import BackendDown, BackendRefused, BackendSlow, BadAnswer, ErpError

_log = logging.getLogger(__name__)

RETRY_STATUSES = frozenset({502, 503, 504})
"""A proxy in front is without its server, the server is starting, or a statement took too long."""

PAUSE_S = 0.05
"""Longest pause before the first retry, in seconds; it doubles, and its length is random."""

PAUSE_MAX_S = 0.4
KEEP_ALIVE_S = 90.0
"""Idle connections are kept this long, in seconds: longer than a caller thinks between turns."""

CHUNK_BYTES = 64 * 1024

BY_ID = (("id", "ASC"),)
"""The cheapest order: a model's own one may sort by fields that cost Tryton milliseconds."""

_Result = TypeVar("_Result")


class _Failed(Exception):
    """Something that may work when it is tried again: the connection, or a status of a proxy."""


class _SessionExpired(Exception):
    """Tryton does not know our session any more."""


class TrytonRpc:
    """The way to one Tryton database. Belongs to one event loop."""

    def __init__(self, settings: TrytonSettings, system: str) -> None:
        self._settings = settings
        self._system = system
        self._url = f"{settings.url.rstrip('/')}/{settings.database}/rpc/"
        self._http: aiohttp.ClientSession | None = None
        self._authorization = ""
        self._login_lock = asyncio.Lock()
        self._down_since_s: float | None = None

    async def close(self) -> None:
        """Close every connection. May be called twice."""
        http, self._http = self._http, None
        self._authorization = ""
        if http is not None:
            await http.close()

    async def within(
        self, operation: str, deadline: Deadline, work: Callable[[], Awaitable[_Result]]
    ) -> _Result:
        """Do a piece of work that ends by the deadline, and tell its failure as `erp.errors`.

        work: makes its calls by `read`. Raises ErpError.
        """
        loop = asyncio.get_running_loop()
        remaining_s = deadline.remaining_s(loop.time())
        try:
            with self._mapped(operation):
                if remaining_s <= 0:
                    raise asyncio.TimeoutError
                result = await asyncio.wait_for(work(), remaining_s)
        except (BackendDown, BackendSlow) as error:
            self._note_down(error, loop.time())
            raise
        self._note_up(loop.time())
        return result

    async def read(self, method: str, *parameters: object, deadline: Deadline) -> object:
        """Call a method that changes nothing, within `within`; log in when that is needed.

        Returns its decoded result.
        """
        loop = asyncio.get_running_loop()

        def enough(state: tenacity.RetryCallState) -> bool:
            tried_out = state.attempt_number >= self._settings.read_attempts
            return tried_out or deadline.passed(loop.time() + PAUSE_S)

        attempts = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(_Failed),
            wait=tenacity.wait_random_exponential(multiplier=PAUSE_S, max=PAUSE_MAX_S),
            stop=enough,
            reraise=True,
        )
        return await attempts(self._read_logged_in, method, list(parameters))

    async def search(
        self,
        model: str,
        domain: list[object],
        fields: Iterable[str],
        deadline: Deadline,
        *,
        limit: int = 1,
        order: Iterable[tuple[str, str]] = BY_ID,
        **context: object,
    ) -> tuple[Row, ...]:
        """Search and read records in one call, within `within`.

        fields: names; a relation's field as `party.name`. order: (field, direction) pairs.
        """
        question = (domain, 0, limit, list(order), list(fields), context)
        return rows(await self.read(f"model.{model}.search_read", *question, deadline=deadline))

    async def _read_logged_in(self, method: str, parameters: list[object]) -> object:
        """Call once; when the session has expired, log in and call once more."""
        authorization = self._authorization or await self._log_in("")
        try:
            return await self._post(method, parameters, authorization)
        except _SessionExpired:
            renewed = await self._log_in(authorization)
        try:
            return await self._post(method, parameters, renewed)
        except _SessionExpired as error:
            raise BackendRefused(
                self._system, method, "refuses the session that it has just given us"
            ) from error

    async def _log_in(self, expired: str) -> str:
        """Log in, once for all who wait. expired: what did not work. Returns what does."""
        async with self._login_lock:
            if self._authorization in ("", expired):
                self._authorization = ""
                self._authorization = await self._new_session()
        return self._authorization

    async def _new_session(self) -> str:
        settings = self._settings
        try:
            answer = await self._post(
                "common.db.login", [settings.user, {"password": settings.password.reveal()}], ""
            )
        except _SessionExpired as error:
            raise BackendRefused(
                self._system, "login", "does not accept our user and password: mend them"
            ) from error
        if not (isinstance(answer, list) and len(answer) >= 2):
            raise UnreadableAnswer("a login without a session")
        session = f"{settings.user}:{answer[0]}:{answer[1]}"
        _log.info("%s: logged in as %s", self._system, settings.user)
        return "Session " + base64.b64encode(session.encode()).decode("ascii")

    async def _post(self, method: str, parameters: list[object], authorization: str) -> object:
        """Send one request and return its result."""
        question = {"id": 1, "method": method, "params": parameters}
        headers = {"Authorization": authorization} if authorization else {}
        try:
            async with self._session().post(
                self._url, json=question, headers=headers, allow_redirects=False
            ) as answer:
                self._check_status(answer.status, method)
                body = await self._body(answer)
        except aiohttp.ClientPayloadError as error:
            if isinstance(error.__cause__, ContentEncodingError):
                raise UnreadableAnswer("a body that cannot be decompressed") from error
            raise _Failed("the answer broke off") from error
        except aiohttp.ClientConnectionError as error:
            raise _Failed(type(error).__name__) from error
        return self._result(decode(body), method)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._settings.connections, keepalive_timeout=KEEP_ALIVE_S
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                # The deadline is the only limit of time: `within`.
                timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None),
            )
        return self._http

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if len(body) > self._settings.answer_max_bytes:
                raise UnreadableAnswer(
                    f"an answer over {self._settings.answer_max_bytes} bytes"
                )
        return bytes(body)

    def _check_status(self, status: int, method: str) -> None:
        """Raise what a status of HTTP means; 200 means that the body tells."""
        if status == 200:
            return
        if status == 401:
            raise _SessionExpired
        if status in RETRY_STATUSES:
            raise _Failed(f"HTTP status {status}")
        sentence = _REFUSALS.get(status)
        if sentence:
            raise BackendRefused(self._system, method, sentence)
        raise UnreadableAnswer(f"HTTP status {status}")

    def _result(self, answer: object, method: str) -> object:
        """Return the result out of an answer, or raise its error. The error's data is dropped."""
        if not isinstance(answer, dict):
            raise UnreadableAnswer("an answer that is not an object")
        error = answer.get("error")
        if error:
            name = str(error[0]) if isinstance(error, list) else "an error"
            if name == "UserError":
                raise BackendRefused(self._system, method, f"refuses this: {_sentence(error)}")
            raise UnreadableAnswer(f"its error {shown(name)}")
        if "result" not in answer:
            raise UnreadableAnswer("an answer without a result")
        return answer["result"]

    @contextmanager
    def _mapped(self, operation: str) -> Iterator[None]:
        """Map what others raise to `erp.errors`: the one place where that is done."""
        try:
            yield
        except ErpError:
            raise
        except asyncio.TimeoutError as error:
            raise BackendSlow(self._system, operation, "no answer by the deadline") from error
        except _Failed as error:
            raise BackendDown(self._system, operation, f"cannot be reached: {error}") from error
        except UnreadableAnswer as error:
            raise BadAnswer(self._system, operation, f"answered with {error}") from error
        except (aiohttp.ClientError, ValueError) as error:
            # What is left is a wrong address or an answer that is not HTTP.
            raise BadAnswer(
                self._system, operation, f"cannot be asked: {type(error).__name__}"
            ) from error

    def _note_down(self, error: ErpError, now_s: float) -> None:
        """Log an outage when it begins, and not again while it lasts."""
        if self._down_since_s is None:
            self._down_since_s = now_s
            _log.error("%s: down: %s", self._system, error.detail)

    def _note_up(self, now_s: float) -> None:
        if self._down_since_s is not None:
            _log.warning("%s: up again after %.1f s", self._system, now_s - self._down_since_s)
            self._down_since_s = None


_REFUSALS = {
    403: "does not allow this method to our user",
    404: "has no such database: mend erp.database",
    405: "has no such address: mend erp.url (this is Tryton 8.0 or newer?)",
    429: "has had too many wrong logins: wait, then mend the password",
}
"""What an HTTP status says that no retry mends."""


def _sentence(error: list[object]) -> str:
    """Return the first sentence of a UserError; what follows may carry whole field definitions."""
    texts = error[1] if len(error) > 1 else None
    first = texts[0] if isinstance(texts, list) and texts else ""
    return shown(str(first))
