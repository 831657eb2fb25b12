"""The way to Tryton: sessions, retries, deadlines, sizes, and every error by its class."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest

from erp.connectors.tryton_rpc import TrytonRpc
from erp.deadline import Deadline
from erp.errors import BackendDown, BackendRefused, BackendSlow, BadAnswer, ErpError
from erp.secrets import Secret
from tests.unit.erp.connectors.fake_tryton import (
    PASSWORD,
    FakeTryton,
    Hang,
    RawBody,
    RpcError,
    Status,
)

METHOD = "model.ir.date.today"


@pytest.fixture
async def rpc(fake: FakeTryton) -> AsyncIterator[TrytonRpc]:
    made = TrytonRpc(fake.settings(), "tryton")
    yield made
    await made.close()


async def ask(rpc: TrytonRpc, budget_s: float = 5.0, method: str = METHOD) -> object:
    deadline = Deadline.after(asyncio.get_running_loop().time(), budget_s)
    return await rpc.within("test", deadline, lambda: rpc.read(method, {}, deadline=deadline))


def raising(error: Exception) -> Callable[..., Any]:
    def answer(*_: object) -> object:
        raise error

    return answer


def first_raising(error: Exception, times: int, result: object) -> Callable[..., Any]:
    left = [error] * times

    def answer(*_: object) -> object:
        if left:
            raise left.pop()
        return result

    return answer


# Sessions


async def test_it_logs_in_once_for_many_calls(fake: FakeTryton, rpc: TrytonRpc) -> None:
    await asyncio.gather(*(ask(rpc) for _ in range(5)))
    await ask(rpc)
    assert fake.asked["common.db.login"] == 1
    assert fake.asked[METHOD] == 6


async def test_an_expired_session_is_renewed_once_for_all(
    fake: FakeTryton, rpc: TrytonRpc
) -> None:
    await ask(rpc)
    fake.sessions.clear()
    await asyncio.gather(*(ask(rpc) for _ in range(4)))
    assert fake.asked["common.db.login"] == 2


async def test_a_session_that_never_works_is_not_asked_for_again_and_again(
    fake: FakeTryton, rpc: TrytonRpc
) -> None:
    fake.answers[METHOD] = raising(Status(401, b""))
    with pytest.raises(BackendRefused):
        await ask(rpc)
    assert fake.asked["common.db.login"] == 2


async def test_a_wrong_password_is_refused_and_not_tried_again(fake: FakeTryton) -> None:
    rpc = TrytonRpc(fake.settings(password=Secret("wrong")), "tryton")
    with pytest.raises(BackendRefused, match="password"):
        await ask(rpc)
    assert fake.asked["common.db.login"] == 1
    await rpc.close()


async def test_closing_twice_is_allowed_and_a_later_call_opens_again(rpc: TrytonRpc) -> None:
    await ask(rpc)
    await rpc.close()
    await rpc.close()
    assert await ask(rpc)


# Errors


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Status(403), BackendRefused),
        (Status(404), BackendRefused),
        (Status(405), BackendRefused),
        (Status(429), BackendRefused),
        (Status(500), BadAnswer),
        (Status(301), BadAnswer),
        (Status(502), BackendDown),
        (Status(503), BackendDown),
        (Status(504), BackendDown),
        (RpcError(["UserError", ['You are not allowed to access "Sale".', "", None]]),
         BackendRefused),
        (RpcError(["'nosuch'", ""]), BadAnswer),
        (RpcError("?"), BadAnswer),
        (RawBody(b'{"id": 1, "result": [1, 2'), BadAnswer),
        (RawBody(b"<html>hello</html>"), BadAnswer),
        (RawBody(b'"text"'), BadAnswer),
        (RawBody(b'{"id": 1}'), BadAnswer),
        (RawBody(b'{"result": "\xff\xfe"}'), BadAnswer),
        (RawBody(b"[" * 100_000), BadAnswer),
        (RawBody(b"not gzip", Content_Encoding="gzip"), BadAnswer),
    ],
    ids=lambda value: getattr(value, "__name__", None) or repr(vars(value))[:40],
)
async def test_each_failure_has_its_error(
    fake: FakeTryton, rpc: TrytonRpc, error: Exception, expected: type[ErpError]
) -> None:
    fake.answers[METHOD] = raising(error)
    with pytest.raises(expected) as caught:
        await ask(rpc)
    assert (caught.value.system, type(caught.value)) == ("tryton", expected)
    assert caught.value.__cause__ is not None or expected is BackendRefused


async def test_nobody_listening_is_down(unused_tcp_port: int, fake: FakeTryton) -> None:
    rpc = TrytonRpc(fake.settings(url=f"http://127.0.0.1:{unused_tcp_port}"), "tryton")
    begin_s = asyncio.get_running_loop().time()
    with pytest.raises(BackendDown):
        await ask(rpc, budget_s=5.0)
    assert asyncio.get_running_loop().time() - begin_s < 1.5
    await rpc.close()


async def test_a_connection_that_breaks_in_mid_answer_is_tried_again() -> None:
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"resu"] * 2
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
        served += 1
        body = b'{"id": 1, "result": [2, "token", null]}'
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        whole = head % len(body) + body
        writer.write(answers.pop() if answers else whole)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    rpc = TrytonRpc(FakeTryton().settings(url=f"http://127.0.0.1:{port}"), "tryton")
    assert await ask(rpc) == [2, "token", None]
    # Two broken logins, one that works, and the call itself.
    assert served == 4
    await rpc.close()
    server.close()
    await server.wait_closed()


async def test_a_users_error_drops_what_may_be_private(fake: FakeTryton, rpc: TrytonRpc) -> None:
    fake.answers[METHOD] = raising(RpcError(["UserError", ["x" * 300, "Ms Private"]]))
    with pytest.raises(BackendRefused) as caught:
        await ask(rpc)
    assert "Private" not in str(caught.value)
    assert len(str(caught.value)) < 150


async def test_no_error_shows_the_password(fake: FakeTryton) -> None:
    rpc = TrytonRpc(fake.settings(), "tryton")
    fake.answers["common.db.login"] = raising(Status(500))
    with pytest.raises(BadAnswer) as caught:
        await ask(rpc)
    assert PASSWORD not in repr(caught.value) + repr(rpc) + repr(fake.settings())
    await rpc.close()


# Retries and the deadline


async def test_a_read_is_tried_again_when_a_proxy_is_without_its_server(
    fake: FakeTryton, rpc: TrytonRpc
) -> None:
    fake.answers[METHOD] = first_raising(Status(503), 2, "here")
    assert await ask(rpc) == "here"
    assert fake.asked[METHOD] == 3


async def test_it_gives_up_after_the_configured_attempts(fake: FakeTryton) -> None:
    rpc = TrytonRpc(fake.settings(read_attempts=2), "tryton")
    fake.answers[METHOD] = raising(Status(503))
    with pytest.raises(BackendDown):
        await ask(rpc)
    assert fake.asked[METHOD] == 2
    await rpc.close()


@pytest.mark.parametrize("error", [Status(500), RpcError(["UserError", ["no"]]), RawBody(b"?")])
async def test_an_answer_is_never_asked_for_again(
    fake: FakeTryton, rpc: TrytonRpc, error: Exception
) -> None:
    fake.answers[METHOD] = raising(error)
    with pytest.raises(ErpError):
        await ask(rpc)
    assert fake.asked[METHOD] == 1


async def test_a_silent_server_costs_the_deadline_and_no_more(
    fake: FakeTryton, rpc: TrytonRpc
) -> None:
    await ask(rpc)
    fake.answers[METHOD] = raising(Hang())
    begin_s = asyncio.get_running_loop().time()
    with pytest.raises(BackendSlow):
        await ask(rpc, budget_s=0.2)
    assert 0.19 < asyncio.get_running_loop().time() - begin_s < 0.3


async def test_no_retry_starts_past_the_deadline(fake: FakeTryton) -> None:
    rpc = TrytonRpc(fake.settings(read_attempts=1000), "tryton")
    fake.answers[METHOD] = raising(Status(503))
    begin_s = asyncio.get_running_loop().time()
    with pytest.raises((BackendDown, BackendSlow)):
        await ask(rpc, budget_s=0.4)
    assert asyncio.get_running_loop().time() - begin_s < 0.5
    asked = fake.asked[METHOD]
    await asyncio.sleep(0.1)
    assert fake.asked[METHOD] == asked
    await rpc.close()


async def test_a_deadline_that_has_passed_asks_nothing(fake: FakeTryton, rpc: TrytonRpc) -> None:
    deadline = Deadline(asyncio.get_running_loop().time() - 1)
    with pytest.raises(BackendSlow):
        await rpc.within("test", deadline, lambda: rpc.read(METHOD, {}, deadline=deadline))
    assert not fake.asked


async def test_the_login_counts_against_the_deadline(fake: FakeTryton, rpc: TrytonRpc) -> None:
    fake.answers["common.db.login"] = raising(Hang())
    with pytest.raises(BackendSlow):
        await ask(rpc, budget_s=0.1)
    del fake.answers["common.db.login"]
    assert await ask(rpc)


# Sizes


async def test_a_compressed_answer_is_read(fake: FakeTryton, rpc: TrytonRpc) -> None:
    long = ["4521"] * 1000
    fake.answers[METHOD] = lambda *_: long
    assert await ask(rpc) == long


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (-1, False)])
async def test_an_answer_over_its_size_is_refused(
    fake: FakeTryton, spare: int, fits: bool
) -> None:
    body = json.dumps({"id": 1, "result": "x" * 5000}).encode()
    for answer in (RawBody(body), RawBody(gzip.compress(body), Content_Encoding="gzip")):
        rpc = TrytonRpc(fake.settings(answer_max_bytes=len(body) + spare), "tryton")
        fake.answers[METHOD] = raising(answer)
        if fits:
            assert await ask(rpc) == "x" * 5000
        else:
            with pytest.raises(BadAnswer, match="bytes"):
                await ask(rpc)
        await rpc.close()


async def test_amounts_keep_their_text(fake: FakeTryton, rpc: TrytonRpc) -> None:
    fake.answers[METHOD] = raising(RawBody(b'{"id": 1, "result": 0.1}'))
    assert await ask(rpc) == Decimal("0.1")


# The log


async def test_an_outage_is_logged_once_down_and_once_up(
    fake: FakeTryton, rpc: TrytonRpc, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await ask(rpc)
    works = fake.answers[METHOD]
    fake.answers[METHOD] = raising(Status(503))
    for _ in range(3):
        with pytest.raises(BackendDown):
            await ask(rpc)
    fake.answers[METHOD] = works
    await ask(rpc)
    await ask(rpc)
    assert caplog.text.count(": down: ") == 1
    assert caplog.text.count(": up again after ") == 1
    assert PASSWORD not in caplog.text
