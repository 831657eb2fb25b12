"""The monitoring address: metrics, health, and nobody who can tie it up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from erp.monitoring.listener import CONNECTIONS_MAX, HEADER_MAX_BYTES, MonitoringListener

HOST = "127.0.0.1"
REPORT: dict[str, Any] = {"status": "ok"}


@contextlib.asynccontextmanager
async def listening(serving: bool = True, life_s: float = 5.0) -> AsyncIterator[MonitoringListener]:
    registry = CollectorRegistry()
    Gauge("orderline_test", "A number.", registry=registry).set(7)
    listener = MonitoringListener(registry, lambda: (serving, REPORT), connection_s=life_s)
    assert await listener.start(HOST, 0)
    try:
        yield listener
    finally:
        await listener.close()


async def ask(listener: MonitoringListener, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, listener.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


async def test_metrics() -> None:
    async with listening() as listener:
        answer = await ask(listener, get("/metrics"))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"orderline_test 7.0" in answer


async def test_health() -> None:
    async with listening() as listener:
        assert (await ask(listener, get("/health"))).startswith(b"HTTP/1.1 200")
    async with listening(serving=False) as listener:
        answer = await ask(listener, get("/health"))
    assert answer.startswith(b"HTTP/1.1 503")
    assert b'"status": "ok"' in answer


async def test_nothing_else_is_there() -> None:
    async with listening() as listener:
        assert (await ask(listener, get("/"))).startswith(b"HTTP/1.1 404")
        posted = b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        assert (await ask(listener, posted)).startswith(b"HTTP/1.1 405")


async def test_a_request_that_never_ends_is_cut_off() -> None:
    async with listening(life_s=0.1) as listener:
        reader, writer = await asyncio.open_connection(HOST, listener.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nX: ")
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        assert (await ask(listener, get("/metrics"))).startswith(b"HTTP/1.1 200")


async def test_a_header_that_is_too_long_is_refused_and_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with listening() as listener:
        long = b"GET /metrics HTTP/1.1\r\nX: " + b"a" * (HEADER_MAX_BYTES + 100) + b"\r\n\r\n"
        assert b" 400 " in (await ask(listener, long))[:20]
    assert not caplog.records


async def test_connections_are_limited_and_come_free_again() -> None:
    async with listening(life_s=0.3) as listener:
        idle = [await asyncio.open_connection(HOST, listener.port) for _ in range(CONNECTIONS_MAX)]
        with contextlib.suppress(ConnectionError):
            assert await ask(listener, get("/metrics")) == b""
        for reader, writer in idle:
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
        assert (await ask(listener, get("/metrics"))).startswith(b"HTTP/1.1 200")
        assert len(listener.open) <= 1


async def test_a_port_that_is_taken_ends_nothing() -> None:
    async with listening() as listener:
        other = MonitoringListener(CollectorRegistry(), lambda: (True, {}))
        assert not await other.start(HOST, listener.port)
        await other.close()
