"""Logging in: every kind, its renewal, and what a wrong login comes to."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aiohttp import web

from erp.connectors.http import HttpEngine
from erp.connectors.http.auth import keeper
from erp.connectors.http.auth.oauth2 import TOKEN_MAX_CHARACTERS
from erp.connectors.http.auth.session import KEPT_MAX_CHARACTERS
from erp.errors import BackendDown, BackendRefused, BackendSlow, BadAnswer
from erp.profiles.errors import ProfileError
from erp.secrets import Secret
from erp.trace import Hop
from tests.unit.erp.connectors.http.peer import (
    PASSWORD,
    SYSTEM,
    USER,
    Handler,
    attempt,
    engine,
    hops,
    json_handler,
    peer,
    read,
    settings,
    soon,
)

ITEMS = {"request": {"path": "/items"}}
SESSION = {
    "kind": "session",
    "login": {"method": "POST", "path": "/login", "body": ["{user}", "{password}", "{db}"]},
    "keep": {"uid": "result.0", "token": "result.1"},
    "headers": {"Authorization": {"prefix": "Session ", "base64": "{user}:{uid}:{token}"}},
}
PARAMETERS = {"db": "erp"}


class Sessions:
    """Gives sessions for the right password, and ends them when it is told to."""

    def __init__(self) -> None:
        self.logins = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.forgetful = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/login":
            self.logins += 1
            await self.gate.wait()
            if await request.json() != [USER, PASSWORD, "erp"]:
                return web.Response(status=401, text="<html>no</html>")
            return web.json_response({"result": [7, f"token{self.logins}", "bus"]})
        wanted = base64.b64encode(f"{USER}:7:token{self.logins}".encode()).decode()
        good = request.headers.get("Authorization") == f"Session {wanted}"
        if not good or self.forgetful:
            return web.Response(status=401)
        return web.json_response([{"a": 1}])


async def echo(request: web.Request) -> web.StreamResponse:
    login = request.headers.get("Authorization")
    return web.json_response({"login": login, "q": request.raw_path.partition("?")[2]})


@pytest.mark.parametrize(
    ("auth", "login", "query"),
    [
        (None, None, "x=1"),
        ({"kind": "none"}, None, "x=1"),
        ({"kind": "api_key", "prefix": "bearer "}, f"bearer {PASSWORD}", "x=1"),
        ({"kind": "api_key", "secret": "key", "query": "k"}, None, "x=1&k=a%20%26%20b"),
        ({"kind": "basic"}, "Basic " + base64.b64encode(b"clerk:s3cret-pass").decode(), "x=1"),
    ],
)
async def test_logins_without_a_round_trip(auth: object, login: object, query: str) -> None:
    part = {"request": {"path": "/items", "query": {"x": 1}}}
    async with peer(echo) as there, engine(
        there.url, {"auth": auth}, secrets={"key": Secret("a & b")}
    ) as made:
        of = attempt()
        assert await read(made, part, of=of) == [{"login": login, "q": query}]
        assert Hop.AUTH not in hops(of)


async def test_a_key_that_is_refused_is_not_renewed() -> None:
    async with peer(json_handler({}, 401)) as there, engine(
        there.url, {"auth": {"kind": "api_key"}}
    ) as made:
        with pytest.raises(BackendRefused, match="does not accept our login"):
            await read(made, ITEMS)
        assert len(there.reads) == 1


async def test_a_session_is_opened_once_and_carried() -> None:
    sessions = Sessions()
    async with peer(sessions.handle) as there, engine(
        there.url, {"auth": SESSION}, PARAMETERS
    ) as made:
        of = attempt()
        assert await read(made, ITEMS, of=of) == [{"a": 1}]
        assert await read(made, ITEMS) == [{"a": 1}]
    assert sessions.logins == 1
    assert Hop.AUTH not in hops(of)


async def test_an_expired_session_is_renewed_once_for_all_who_wait() -> None:
    sessions = Sessions()
    async with peer(sessions.handle) as there, engine(
        there.url, {"auth": SESSION}, PARAMETERS
    ) as made:
        sessions.logins += 1  # the server has forgotten the first one
        of = attempt()
        rows = await asyncio.gather(read(made, ITEMS, of=of), *(read(made, ITEMS) for _ in "123"))
    assert rows == [[{"a": 1}]] * 4
    assert sessions.logins == 3
    assert Hop.AUTH in hops(of)


async def test_a_late_word_of_an_old_session_does_not_end_the_new_one() -> None:
    sessions = Sessions()
    asked, renewed = asyncio.Event(), asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/slow" and not renewed.is_set():
            asked.set()
            await renewed.wait()
            return web.Response(status=401)
        return await sessions.handle(request)

    async with peer(handle) as there, engine(there.url, {"auth": SESSION}, PARAMETERS) as made:
        late = asyncio.create_task(read(made, {"request": {"path": "/slow"}}))
        await asked.wait()
        sessions.logins += 1  # the server has forgotten the first session
        assert await read(made, ITEMS) == [{"a": 1}]
        renewed.set()
        assert await late == [{"a": 1}]
    assert sessions.logins == 3


async def test_a_session_that_is_refused_at_once_is_no_endless_login() -> None:
    sessions = Sessions()
    async with peer(sessions.handle) as there, engine(
        there.url, {"auth": SESSION}, PARAMETERS
    ) as made:
        sessions.forgetful = True
        with pytest.raises(BackendRefused, match="the session that it has just given us"):
            await read(made, ITEMS)
    assert sessions.logins == 2


async def test_a_wrong_password_is_told_and_not_tried_again_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sessions = Sessions()
    caplog.set_level(logging.DEBUG)
    async with peer(sessions.handle) as there, engine(
        there.url, {"auth": SESSION}, PARAMETERS, opened=False, password=Secret("wr0ng-pass")
    ) as made:
        for _ in range(2):
            with pytest.raises(BackendRefused, match="does not accept our user and password"):
                await made.open(soon())
    assert sessions.logins == 1
    assert "wr0ng-pass" not in caplog.text


async def test_who_cannot_wait_for_a_login_does_not_take_it_from_the_others() -> None:
    sessions = Sessions()
    async with peer(sessions.handle) as there, engine(
        there.url, {"auth": SESSION}, PARAMETERS, opened=False
    ) as made:
        await made._transport.open()
        sessions.gate.clear()
        patient = asyncio.create_task(read(made, ITEMS))
        with pytest.raises(BackendSlow, match="no login by the deadline"):
            await read(made, ITEMS, of=attempt(0.05))
        hasty = asyncio.create_task(read(made, ITEMS))
        await asyncio.sleep(0)
        hasty.cancel()
        sessions.gate.set()
        assert await patient == [{"a": 1}]
        with pytest.raises(asyncio.CancelledError):
            await hasty
    assert sessions.logins == 1


async def test_closing_ends_a_login_that_runs() -> None:
    sessions = Sessions()
    sessions.gate.clear()
    async with peer(sessions.handle) as there, engine(
        there.url, {"auth": SESSION}, PARAMETERS, opened=False
    ) as made:
        await made._transport.open()
        waiting = asyncio.create_task(read(made, ITEMS))
        while not sessions.logins:
            await asyncio.sleep(0)
        await made.close()
        with pytest.raises(BackendDown, match="is not open"):
            await waiting
        sessions.gate.set()


@contextmanager
def later(by_s: float) -> Iterator[None]:
    """Let the loop's clock be ahead, so that what expires by it has expired."""
    loop = asyncio.get_running_loop()
    real = loop.time
    loop.time = lambda: real() + by_s  # type: ignore[method-assign]
    try:
        yield
    finally:
        loop.time = real  # type: ignore[method-assign]


async def test_a_session_with_a_known_lifetime_is_renewed_between_the_turns() -> None:
    sessions = Sessions()
    auth = {**SESSION, "lifetime_s": 1000}
    async with peer(sessions.handle) as there, engine(
        there.url, {"auth": auth}, PARAMETERS
    ) as made:
        await made.tend(soon())
        assert sessions.logins == 1
        with later(1000 - keeper.MARGIN_S + 1):
            await made.tend(soon())
            assert sessions.logins == 2
            of = attempt()
            assert await read(made, ITEMS, of=of) == [{"a": 1}]
    assert Hop.AUTH not in hops(of)


@pytest.mark.parametrize(
    "answer",
    [
        *({}, {"result": None}, {"result": [7]}, {"result": [7, ""]}, {"result": [7, ["x"]]}),
        {"result": [7, "x" * (KEPT_MAX_CHARACTERS + 1)]},
    ],
)
async def test_a_login_without_its_token_is_a_bad_answer(answer: object) -> None:
    async with peer(json_handler(answer)) as there, engine(
        there.url, {"auth": SESSION}, PARAMETERS, opened=False
    ) as made:
        with pytest.raises(BadAnswer, match=r"answered our login with a login (without|whose)"):
            await made.open(soon())


async def test_an_error_at_login_is_told_without_the_systems_own_words() -> None:
    section = {
        "auth": SESSION,
        "errors": [{"where": "error", "means": "refused", "say": "refuses", "text": "error"}],
    }
    async with peer(json_handler({"error": f"no {PASSWORD}"})) as there, engine(
        there.url, section, PARAMETERS, opened=False
    ) as made:
        with pytest.raises(BackendRefused, match=r"open: refuses$"):
            await made.open(soon())


async def test_a_session_by_cookies_and_a_header_of_the_answer() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/login":
            answer = web.Response(status=204, headers={"X-CSRF-Token": "csrf1"})
            answer.set_cookie("B1SESSION", "abc")
            answer.set_cookie("ROUTEID", ".node1")
            answer.set_cookie("theme", "dark")
            return answer
        return web.json_response([dict(request.cookies) | {"csrf": request.headers["X-CSRF"]}])

    auth = {
        "kind": "session",
        "login": {"method": "POST", "path": "/login", "form": {"p": "{secret.pin}"}},
        "keep": {"csrf": {"header": "X-CSRF-Token"}},
        "headers": {"X-CSRF": "{csrf}"},
        "cookies": ["B1SESSION", "ROUTEID"],
    }
    async with peer(handle) as there, engine(
        there.url, {"auth": auth}, secrets={"pin": Secret("1")}
    ) as made:
        rows = await read(made, ITEMS)
    assert rows == [{"B1SESSION": "abc", "ROUTEID": ".node1", "csrf": "csrf1"}]


class Tokens:
    """A token endpoint: each grant makes the tokens before it worthless."""

    def __init__(self, **answer: object) -> None:
        self.answer = answer
        self.forms: list[dict[str, str]] = []
        self.clients: list[str | None] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/acme/token":
            self.forms.append({key: str(value) for key, value in (await request.post()).items()})
            self.clients.append(request.headers.get("Authorization"))
            token = f"token{len(self.forms)}"
            # A server whose clock is a day late.
            headers = {"Date": "Fri, 20 Nov 2026 00:00:00 GMT"}
            return web.json_response({"access_token": token, **self.answer}, headers=headers)
        good = request.headers.get("Authorization") == f"Bearer token{len(self.forms)}"
        return web.json_response([{"a": 1}], status=200 if good else 401)


OAUTH2 = {"kind": "oauth2", "token_url": "/{tenant}/token", "scope": "read"}


async def test_client_credentials_are_fetched_and_renewed_by_expires_in() -> None:
    tokens = Tokens(expires_in="300")
    auth = {**OAUTH2, "form": {"audience": "{tenant}"}}
    async with peer(tokens.handle) as there, engine(
        there.url, {"auth": auth}, {"tenant": "acme"}, user="cl:ient"
    ) as made:
        assert await read(made, ITEMS) == [{"a": 1}]
        await made.tend(soon())
        assert len(tokens.forms) == 1
        with later(250):
            await made.tend(soon())
            assert await read(made, ITEMS) == [{"a": 1}]
        assert len(tokens.forms) == 2
    assert tokens.forms[0] == {
        "grant_type": "client_credentials", "scope": "read", "audience": "acme",
    }
    wanted = base64.b64encode(b"cl%3Aient:s3cret-pass").decode()
    assert tokens.clients[0] == f"Basic {wanted}"


async def test_a_token_that_has_expired_unseen_is_renewed_in_the_turn() -> None:
    tokens = Tokens(expires_in=300)
    async with peer(tokens.handle) as there, engine(
        there.url, {"auth": {**OAUTH2, "send_client": "body"}}, {"tenant": "acme"}
    ) as made:
        with later(301):
            of = attempt()
            assert await read(made, ITEMS, of=of) == [{"a": 1}]
    assert Hop.AUTH in hops(of)
    assert len(there.reads) == 3
    assert tokens.forms[1]["client_id"] == USER
    assert tokens.forms[1]["client_secret"] == PASSWORD
    assert tokens.clients == [None, None]


async def test_a_rotated_refresh_token_is_used_and_logged_without_its_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokens = Tokens(expires_in=100, refresh_token="second-refresh")
    auth = {**OAUTH2, "grant": "refresh_token", "refresh_token": "first"}
    caplog.set_level(logging.DEBUG)
    async with peer(tokens.handle) as there, engine(
        there.url, {"auth": auth}, {"tenant": "acme"}, secrets={"first": Secret("first-refresh")}
    ) as made:
        with later(90):
            await made.tend(soon())
    assert [form["refresh_token"] for form in tokens.forms] == ["first-refresh", "second-refresh"]
    assert caplog.text.count("has given us a new refresh token") == 1
    for secret in ("first-refresh", "second-refresh", "token1", PASSWORD):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("status", "answer", "kind", "sentence"),
    [
        (400, {"error": "invalid_grant"}, BackendRefused, "the refresh token may be used up"),
        (401, {"error": "invalid_client"}, BackendRefused, "our client id and secret: mend them"),
        (400, {"error": PASSWORD}, BackendRefused, "does not give us a token: HTTP status 400"),
        (503, {}, BackendDown, "HTTP status 503"),
        (200, {}, BadAnswer, "a token answer without access_token"),
        (200, [], BadAnswer, "a token answer that is not an object"),
        (
            200,
            {"access_token": "x" * (TOKEN_MAX_CHARACTERS + 1)},
            BadAnswer,
            "a token answer without access_token",
        ),
    ],
)
async def test_a_token_that_is_not_given(
    status: int, answer: object, kind: type[Exception], sentence: str
) -> None:
    handle: Handler = json_handler(answer, status)
    async with peer(handle) as there, engine(
        there.url, {"auth": OAUTH2}, {"tenant": "acme"}, opened=False
    ) as made:
        with pytest.raises(kind, match=sentence) as told:
            await made.open(soon())
    assert PASSWORD not in str(told.value)


async def test_two_engines_of_one_profile_do_not_share_a_refresh_token() -> None:
    auth = {**OAUTH2, "grant": "refresh_token", "refresh_token": "first"}
    secrets = {"first": Secret("first-refresh")}
    for _ in range(2):
        tokens = Tokens(refresh_token="second-refresh")
        async with peer(tokens.handle) as there, engine(
            there.url, {"auth": auth}, {"tenant": "acme"}, secrets=secrets
        ):
            assert tokens.forms[0]["refresh_token"] == "first-refresh"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"password": None}, "systems.shop.password is not given"),
        ({"url": "postgresql://x"}, "systems.shop.url is 'postgresql://x'"),
        ({"url": "https://x/?a=1"}, "systems.shop.url is "),
    ],
)
def test_settings_that_cannot_work(more: dict[str, object], sentence: str) -> None:
    chosen = settings(**{"url": "http://127.0.0.1:1", **more})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=sentence):
        HttpEngine(SYSTEM, chosen, {"auth": SESSION}, None, PARAMETERS)


def test_what_the_profile_names_must_be_given() -> None:
    chosen = settings("http://127.0.0.1:1")
    with pytest.raises(ProfileError, match="http names 'db'"):
        HttpEngine(SYSTEM, chosen, {"auth": SESSION}, None, {})
    auth = {"kind": "api_key", "secret": "key"}
    with pytest.raises(ProfileError, match=r"secrets\.key is not given"):
        HttpEngine(SYSTEM, chosen, {"auth": auth}, None, {})
