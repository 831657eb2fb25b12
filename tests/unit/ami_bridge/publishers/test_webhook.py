"""Webhooks against a real HTTP server that does what servers do."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook as Judge

from ami_bridge.publishers.errors import PublishError, Refused, TryAgain, Unreachable
from ami_bridge.publishers.webhook import (
    ANSWER_MAX_BYTES,
    EndpointSettings,
    Webhook,
    WebhookSettings,
    read_retry_after,
)
from erp.secrets import Secret
from tests.unit.ami_bridge.publishers.fakes import KIND, message

SECRET = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
OLD = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
SOON = WebhookSettings(timeout_s=0.5, connect_s=0.5)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Give the address of a server."""
    server = web.Server(handler, access_log=None)  # type: ignore[arg-type]
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/events"
    finally:
        listener.close()
        await server.shutdown(0)


def answering(status: int, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=headers)

    return answer


async def published(url: str, **options: object) -> None:
    endpoint = EndpointSettings(url, Secret(SECRET), **options)  # type: ignore[arg-type]
    webhook = Webhook("desk", endpoint, SOON)
    try:
        await webhook.publish(message())
    finally:
        await webhook.close()


async def failed(handler: Handler) -> PublishError:
    async with serving(handler) as url:
        with pytest.raises(PublishError) as caught:
            await published(url)
    return caught.value


async def test_it_is_signed_and_a_cloud_event() -> None:
    seen: list[str] = []

    async def take(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        for secret in (SECRET, OLD):
            Judge(secret).verify(body, dict(request.headers))
        seen.append(request.content_type)
        return web.Response(status=204)

    async with serving(take) as url:
        await published(url, previous_secret=Secret(OLD))
    assert seen == ["application/cloudevents+json"]


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_what_will_never_be_taken(status: int) -> None:
    assert isinstance(await failed(answering(status)), Refused)


@pytest.mark.parametrize("status", [401, 404, 410, 408, 500, 502])
async def test_what_may_be_taken_later(status: int) -> None:
    assert isinstance(await failed(answering(status)), TryAgain)


async def test_a_receiver_that_wants_to_be_left_alone() -> None:
    error = await failed(answering(429, **{"Retry-After": "7"}))
    assert isinstance(error, Unreachable)
    assert error.after_s == 7


async def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    async def send_on(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    assert isinstance(await failed(send_on), TryAgain)
    assert asked == ["/events"]


async def test_a_receiver_that_says_nothing_is_given_up_in_time() -> None:
    released = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        asyncio.get_running_loop().call_later(2 * SOON.timeout_s, released.set)
        await released.wait()
        return web.Response()

    began_s = time.monotonic()
    error = await failed(hang)
    assert isinstance(error, TryAgain)
    assert time.monotonic() - began_s < 5


async def reached(url: str) -> str:
    webhook = Webhook("desk", EndpointSettings(url, Secret(SECRET)), SOON)
    try:
        return await webhook.reach()
    finally:
        await webhook.close()


async def test_it_can_be_tried_without_an_event() -> None:
    asked: list[tuple[str, bytes]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append((request.method, await request.read()))
        return web.Response(status=405)

    async with serving(answer) as url:
        assert "HEAD with 405" in await reached(url)
    assert asked == [("HEAD", b"")]
    with pytest.raises(Unreachable, match="no connection"):
        await reached(url)


async def test_nobody_there() -> None:
    async with serving(answering(200)) as url:
        pass
    with pytest.raises(Unreachable):
        await published(url)


async def test_an_endless_answer_is_not_read() -> None:
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x" * 4096)
                sent += 4096
        return response

    async with serving(flood) as url:
        await published(url)
    assert ANSWER_MAX_BYTES < sent < 100 * ANSWER_MAX_BYTES


async def test_a_connection_that_breaks() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    assert isinstance(await failed(cut), TryAgain)


async def test_a_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = web.Server(answering(200), access_log=None)  # type: ignore[arg-type]
    listener = await asyncio.get_running_loop().create_server(
        server, "127.0.0.1", 0, ssl=context
    )
    url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
    with pytest.raises(Unreachable):
        await published(url)
    await published(url, ca_file=tmp_path / "ca.pem")
    listener.close()
    await server.shutdown(0)


async def test_only_wanted_types_are_sent() -> None:
    endpoint = EndpointSettings("http://127.0.0.1/", Secret(SECRET), events=(KIND,))
    webhook = Webhook("desk", endpoint, SOON)
    assert webhook.wants(KIND)
    assert not webhook.wants("orderline.call.ended")
    await webhook.close()


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://erp.example/x", "write https"),
        ("ftp://erp.example/x", "write https://HOST/PATH"),
        ("https:///x", "write https://HOST/PATH"),
        ("https://user:secret@erp.example/x", "holds a login"),
    ],
)
def test_addresses_that_are_refused(url: str, what: str) -> None:
    with pytest.raises(ValueError, match=what) as caught:
        EndpointSettings(url, Secret(SECRET))
    assert "secret" not in str(caught.value)


def test_a_secret_that_is_none_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="secret is no signing secret") as caught:
        EndpointSettings("https://erp.example/x", Secret("hunter2"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("12", 12.0),
        ("9" * 400, 999999999.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 60.0),
        ("Thu, 01 Jan 1970 00:00:00 -0000", 0.0),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert read_retry_after(text, 0.0) == seconds


_words = st.sampled_from(["Thu,", "01", "Jan", "99999", "GMT", "-9999", "23:59:60", "9" * 30, "²"])


@settings(max_examples=200)
@given(st.one_of(st.text(), st.lists(_words, max_size=7).map(" ".join)))
def test_no_retry_after_is_a_fault_of_ours(text: str) -> None:
    seconds = read_retry_after(text, 1e9)
    assert seconds is None or seconds >= 0
