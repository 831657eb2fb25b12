"""Generations: opening, keeping, switching profiles without touching calls, closing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal

import pytest

from erp.connector import Connector
from erp.errors import BackendDown, BackendRefused
from erp.gateway import Gateway
from erp.gateway.errors import NotAsked
from erp.model import Item
from erp.operations import READS
from erp.port import ErpDoor
from erp.profiles.errors import ProfileError
from erp.settings import GatewaySettings
from tests.unit.erp.gateway import virtual
from tests.unit.erp.gateway.fakes import (
    TODAY,
    FakeConnector,
    Observed,
    customer,
    deadline,
    down,
    item,
    opened,
)
from tests.unit.erp.gateway.virtual import now_s


async def refuses() -> None:
    raise down()


async def hangs() -> None:
    await asyncio.get_running_loop().create_future()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


# Opening...


def test_systems_open_side_by_side_and_one_that_fails_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one, two, three = (FakeConnector(name) for name in ("one", "two", "three"))
    one.opening, three.opening = refuses, hangs
    routes = {"find_item": "two", "ping": "three"}

    async def main() -> None:
        door = Gateway(
            GatewaySettings(use="one", routes=routes),
            lambda: {"one": one, "two": two, "three": three},
        )
        begin_s = now_s()
        await door.open(deadline(2.0))
        assert now_s() - begin_s == pytest.approx(2.0)
        async with door.for_call("a") as port:
            assert isinstance(await port.find_item("1", deadline(1.0)), Item)
            for asking in (port.last_order(customer(), deadline(1.0)), port.ping(deadline(1.0))):
                with pytest.raises(NotAsked, match="can't be opened"):
                    await asking
        await door.close()

    virtual.run(main())
    assert lines(caplog) == [
        "one is down: it can't be opened: connection refused",
        "three is down: it can't be opened: it did not end in time",
    ]


def test_what_a_person_must_mend_is_told_with_every_question() -> None:
    connector, observed = FakeConnector(), Observed()

    async def refused() -> None:
        raise BackendRefused("one", "open", "does not accept our password: mend it")

    connector.opening = refused

    async def main() -> None:
        async with opened(connector, observed=observed) as door, door.for_call("a") as port:
            with pytest.raises(BackendRefused, match="can't be opened: does not accept our pass"):
                await port.ping(deadline(1.0))

    virtual.run(main())
    assert [outcome for _, _, outcome in observed.openings] == ["backend-refused"]


def test_what_did_not_open_is_opened_later_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    connector = FakeConnector()
    connector.opening = refuses

    async def main() -> None:
        async with opened(connector) as door, door.for_call("a") as port:
            await asyncio.sleep(20.0)
            # After 1, 3, 7 and 15 seconds, a little less each.
            assert connector.opened == 5
            del connector.opening
            connector.opening = connector._well
            await asyncio.sleep(31.0)
            assert isinstance(await port.find_item("1", deadline(1.0)), Item)
            opened_before = connector.opened
            await asyncio.sleep(100.0)
            assert connector.opened == opened_before

    virtual.run(main())
    first, second = lines(caplog)
    assert first == "one is down: it can't be opened: connection refused"
    assert second.startswith("one is up again after ")


def test_settings_that_do_not_fit_the_systems_stop_it() -> None:
    async def main() -> None:
        door = Gateway(GatewaySettings(use="sap"), lambda: {"one": FakeConnector()})
        with pytest.raises(ValueError, match="is no system: known are one"):
            await door.open(deadline(2.0))
        await door.close()

    virtual.run(main())


def test_closed_it_gives_no_port_and_may_be_closed_again() -> None:
    connector = FakeConnector()

    async def main() -> None:
        async with opened(connector) as door:
            pass
        assert connector.closed == 1
        await door.close()
        with pytest.raises(RuntimeError, match="not open"):
            async with door.for_call("a"):
                raise AssertionError("a port of a closed gateway")

    virtual.run(main())


def test_a_system_that_does_not_close_does_not_hold_the_process(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Sticky(FakeConnector):
        async def close(self) -> None:
            await hangs()

    async def main() -> None:
        async with opened(Sticky()):
            begin_s = now_s()
        assert now_s() - begin_s == pytest.approx(5.0)
        await asyncio.sleep(0)

    virtual.run(main())
    assert lines(caplog) == ["one: close: it did not end in time"]


# Keeping...


def test_systems_are_tended_as_often_as_they_want() -> None:
    connector = FakeConnector()

    async def main() -> None:
        async with opened(connector):
            await asyncio.sleep(61.0)

    virtual.run(main())
    assert connector.tended == 3


def test_tending_takes_its_turn_and_never_more_than_its_time() -> None:
    connector = FakeConnector(at_once=1)
    connector.tending = hangs

    async def main() -> None:
        async with opened(connector) as door, door.for_call("a") as port:
            await asyncio.sleep(21.0)
            begin_s = now_s()
            assert isinstance(await port.find_item("1", deadline(20.0)), Item)
            assert now_s() - begin_s == pytest.approx(9.0)

    virtual.run(main())


def test_a_session_that_cannot_be_renewed_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    connector = FakeConnector()

    async def refused() -> None:
        raise BackendRefused("one", "tend", "the password is wrong")

    connector.tending = refused

    async def main() -> None:
        async with opened(connector):
            await asyncio.sleep(100.0)

    virtual.run(main())
    assert connector.tended > 3
    assert lines(caplog) == [
        "one: tend: the password is wrong; its sessions and connections are not renewed"
    ]


# Switching...


class Profiles:
    """The profiles in use: a number, and what the number makes."""

    def __init__(self) -> None:
        self.version: object = 1
        self.made: list[FakeConnector] = []
        self.mistake: Exception | None = None

    def make(self) -> dict[str, Connector]:
        if self.mistake:
            raise self.mistake
        self.made.append(FakeConnector())
        return {"one": self.made[-1]}

    def fingerprint(self) -> object:
        if isinstance(self.version, OSError):
            raise self.version
        return self.version

    def door(self) -> Gateway:
        settings = GatewaySettings(cache_s={"find_item": 60.0})
        return Gateway(settings, self.make, self.fingerprint)


async def number_asked(door: ErpDoor, profiles: Profiles) -> list[int]:
    async with door.for_call("x") as port:
        await port.find_item("1", deadline(1.0))
    return [len(connector.asked) for connector in profiles.made]


def test_new_calls_get_the_new_profiles_and_calls_in_progress_keep_theirs() -> None:
    profiles = Profiles()

    async def main() -> None:
        door = profiles.door()
        await door.open(deadline(2.0))
        async with door.for_call("old") as old:
            await old.find_item("1", deadline(1.0))
            profiles.version = 2
            await asyncio.sleep(1.5)
            first, second = profiles.made
            assert (second.opened, first.closed) == (1, 0)
            # The cache is the generation's: what the old profile read is not given to new calls.
            assert await number_asked(door, profiles) == [1, 1]
            await old.find_item("2", deadline(1.0))
            assert (len(first.asked), len(second.asked)) == (2, 1)
            await asyncio.sleep(20.0)
            assert first.tended == 1
        await asyncio.sleep(0.1)
        assert (first.closed, second.closed) == (1, 0)
        assert await number_asked(door, profiles) == [2, 1]
        await door.close()
        assert (first.closed, second.closed) == (1, 1)

    virtual.run(main())


def test_without_calls_the_old_one_is_closed_at_once() -> None:
    profiles = Profiles()

    async def main() -> None:
        door = profiles.door()
        await door.open(deadline(2.0))
        profiles.version = 2
        await asyncio.sleep(1.5)
        assert [connector.closed for connector in profiles.made] == [1, 0]
        await asyncio.sleep(100.0)
        assert len(profiles.made) == 2
        await door.close()

    virtual.run(main())


def test_a_system_that_a_new_profile_mends_is_said_to_be_up_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    profiles = Profiles()

    async def refused() -> None:
        raise BackendRefused("one", "open", "wrong key")

    def make() -> Mapping[str, Connector]:
        made = profiles.make()
        if profiles.version == 1:
            profiles.made[-1].opening = refused
        return made

    async def main() -> None:
        door = Gateway(GatewaySettings(), make, profiles.fingerprint)
        await door.open(deadline(2.0))
        async with door.for_call("old"):
            profiles.version = 2
            # The old one is tried again for as long as its call lasts; nobody hears of it.
            await asyncio.sleep(10.0)
        await door.close()

    virtual.run(main())
    assert lines(caplog) == [
        "one is down: it can't be opened: wrong key",
        "one is up again after 1.0 s",
    ]


@pytest.mark.parametrize(
    "mistake",
    [ProfileError("one.yaml: version is 'x': write a number"), ValueError("one.yaml: bad")],
)
def test_profiles_that_cannot_be_used_are_told_once_and_the_old_ones_go_on(
    mistake: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    profiles = Profiles()

    async def main() -> None:
        door = profiles.door()
        await door.open(deadline(2.0))
        profiles.mistake, profiles.version = mistake, 2
        await asyncio.sleep(10.0)
        assert await number_asked(door, profiles) == [1]
        profiles.mistake, profiles.version = None, 3
        await asyncio.sleep(1.5)
        assert await number_asked(door, profiles) == [1, 1]
        await door.close()

    virtual.run(main())
    assert lines(caplog) == [f"the systems stay as they are: {mistake}"]


def test_a_fingerprint_that_cannot_be_taken_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    profiles = Profiles()

    async def main() -> None:
        door = profiles.door()
        await door.open(deadline(2.0))
        profiles.version = OSError("profiles: permission denied")
        await asyncio.sleep(10.0)
        assert await number_asked(door, profiles) == [1]
        await door.close()

    virtual.run(main())
    assert lines(caplog) == ["the systems stay as they are: profiles: permission denied"]


def test_a_call_that_ends_after_the_gateway_closes_nothing_again() -> None:
    connector = FakeConnector()

    async def main() -> None:
        async with opened(connector) as door, door.for_call("a"):
            await door.close()
        await asyncio.sleep(1.0)

    virtual.run(main())
    assert connector.closed == 1


def test_a_question_under_way_ends_when_the_gateway_closes() -> None:
    connector = FakeConnector()

    async def main() -> None:
        async with opened(connector) as door, door.for_call("a") as port:
            connector.behave = lambda query, attempt: hangs()
            asking = asyncio.create_task(port.find_item("1", deadline(60.0)))
            await asyncio.sleep(0.1)
            await door.close()
            with pytest.raises(BackendDown):
                await asking

    virtual.run(main())


def test_each_operation_of_the_port_asks_its_query() -> None:
    connector = FakeConnector()

    async def main() -> None:
        async with opened(connector) as door, door.for_call("a") as port:
            until = deadline(1.0)
            ann, bolt = customer(), item()
            await port.ping(until)
            await port.find_item("1", until)
            await port.availability(bolt, TODAY, until)
            await port.price(bolt, ann, Decimal(2), until)
            await port.order_status(ann, "SO1", until)
            await port.last_order(ann, until)
            await port.order_history(ann, 5, until)
            await port.tracking(ann, "SO1", until)
            await port.balance(ann, until)
            await port.customers_by_phone("555", until)
            await port.customer_by_account("C1", until)
            await port.customers_by_name("Acme", until)

    virtual.run(main())
    assert [query.operation for query in connector.asked] == list(READS)
