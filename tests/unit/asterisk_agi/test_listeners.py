"""By default nothing listens beyond this machine, and what does is told."""

from __future__ import annotations

import asyncio
import dataclasses
import typing
from pathlib import Path

import pytest

from ami_bridge.connection import AmiSettings
from asterisk_agi import app
from asterisk_agi.check import NotWell
from asterisk_agi.listeners import Listener, fastagi_guard, listener_check, on_loopback
from asterisk_agi.media.leg import Leg, MediaSettings
from asterisk_agi.server import FastAgiServer, FastAgiSettings
from asterisk_agi.settings import Settings, load

CONFIGURATION = """\
ami: {user: orderline, secret: env:SECRET}
systems: {}
"""

LISTENS = ("host", "listen", "address", "bind")
"""Names of settings that say where something listens (or, of AMI, what is connected to)."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The configuration with every key at its default."""
    monkeypatch.setenv("SECRET", "x" * 16)
    path = tmp_path / "orderline.yaml"
    path.write_text(CONFIGURATION)
    return load(path)


def test_every_address_of_the_default_configuration_is_loopback(settings: Settings) -> None:
    found = {}
    for section in dataclasses.fields(settings):
        values = getattr(settings, section.name)
        if not dataclasses.is_dataclass(values):
            continue
        for field in dataclasses.fields(values):
            if field.name in LISTENS:
                found[f"{section.name}.{field.name}"] = getattr(values, field.name)
    assert {"fastagi.host", "bridge.host", "media.host"} <= set(found)
    assert [key for key, host in found.items() if not on_loopback(str(host))] == []


def test_the_check_knows_every_listener_of_the_configuration(settings: Settings) -> None:
    """A section that gets an address must be told of here as well."""
    known = {each.key for each in app.listeners(settings)}
    hints = typing.get_type_hints(Settings)
    wanted = set()
    for name, kind in hints.items():
        if kind is AmiSettings or not dataclasses.is_dataclass(kind):
            continue  # AMI is connected to, not listened on.
        fields = [field.name for field in dataclasses.fields(kind)]
        wanted |= {f"{name}.{field}" for field in fields if field in LISTENS}
    assert wanted <= known


async def test_what_is_opened_by_default_is_on_loopback() -> None:
    server = FastAgiServer(dataclasses.replace(FastAgiSettings(), port=0), _nothing)
    await server.start()
    leg = await Leg.open(MediaSettings(), lambda chunk: None)
    try:
        assert server._server is not None
        bound = [str(socket.getsockname()[0]) for socket in server._server.sockets]
        assert bound == ["127.0.0.1"]
        assert leg.host == "127.0.0.1"
    finally:
        await leg.close()
        await server.close()


async def _nothing(session: object) -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.5", False),
        ("pbx.example", False),
        ("", False),
    ],
)
def test_what_is_loopback(host: str, inside: bool) -> None:
    assert on_loopback(host) is inside


def fastagi(host: str, *allow: str) -> Listener:
    return Listener("fastagi.host", host, "calls", fastagi_guard(allow))


async def test_an_open_listener_is_told_with_its_mend() -> None:
    check = listener_check([fastagi("0.0.0.0")], ())
    with pytest.raises(NotWell, match=r"fastagi\.host 0\.0\.0\.0 .* write fastagi\.allow"):
        await check.attempt()
    beats = Listener("bridge.host", "10.0.0.5", "beats")
    with pytest.raises(NotWell, match=r"bridge\.host 10\.0\.0\.5"):
        await listener_check([beats], ("127.0.0.1",)).attempt()


async def test_an_allow_list_that_keeps_the_pbx_out_is_told() -> None:
    allow = ("127.0.0.0/8",)
    with pytest.raises(NotWell, match="only loopback"):
        await listener_check([fastagi("10.0.0.5", *allow)], allow).attempt()


async def test_what_is_well() -> None:
    assert await listener_check([fastagi("127.0.0.1")], ()).attempt() == "all on loopback"
    allow = ("10.0.0.0/24",)
    guarded = await listener_check([fastagi("10.0.0.5", *allow)], allow).attempt()
    assert guarded == "guarded: fastagi.host by fastagi.allow"
