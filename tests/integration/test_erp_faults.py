"""What callers hear while a business system fails, and what is left when it is well again.

A real Tryton and the distributor on a real PostgreSQL, each behind the proxy of `tests/rig/faults`.
For every fault: the turn ends in time with an honest sentence and a way on, one line says that the
system is down and one that it is up, tasks and sockets are as many as before, and no log line
holds a secret or a person (`fault_turns.staged` looks at that whenever a call ends).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import sqlite3
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import trustme

from dialplan.reasons import Reason
from erp import systems
from erp.gateway.generation import REOPEN_FIRST_S
from erp.secrets import Secret
from erp.settings import SystemSettings
from tests.integration.fault_turns import (
    BREAKER_FAILURES,
    BREAKER_OPEN_S,
    CONNECTIONS,
    PARCELS,
    STOCK,
    Log,
    Stage,
    logged,
    staged,
)
from tests.rig import distributor, tryton
from tests.rig.database import ADMIN
from tests.rig.distributor import Distributor
from tests.rig.faults import (
    Canned,
    CutOff,
    Fault,
    FaultProxy,
    Pass,
    Refuse,
    Silent,
    Trickle,
    Unanswered,
)
from tests.rig.postgresql import Tls
from tests.rig.tryton import Launch

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

TRYTON = "tryton"
SQL = "distributor"
HOST = "127.0.0.1"
HUGE_BYTES = 25_000_000
SLACK_S = 0.1
"""Seconds that a timer of the product may be late."""

REOPENED_S = REOPEN_FIRST_S + 0.5
LOGIN_HOLD_S = 5.1
"""After a refused login the product tries no other for 5 s."""

RATE_LIMIT = re.compile(r"^ +- \{status: 429,.*\n", re.MULTILINE)
"""The line with which Tryton's profile takes a 429 for Tryton's own, of too many wrong logins."""


@dataclass
class World:
    """One real system, the proxy before it, and ways to harm it."""

    system: str
    proxy: FaultProxy
    log: Log
    launch: Launch
    company: Distributor
    folder: Path
    authority: trustme.CA
    kept: dict[str, str] = field(default_factory=dict)
    locks: list[asyncpg.Connection[asyncpg.Record]] = field(default_factory=list)

    @property
    def settings(self) -> SystemSettings:
        """The product's settings of the system, by way of the proxy."""
        if self.system == SQL:
            url = f"postgresql://{HOST}:{self.proxy.port}/{distributor.DATABASE}"
            return self.company.system(url=url, connections=CONNECTIONS)
        return SystemSettings(
            profile="tryton-8.2",
            url=f"http://{HOST}:{self.proxy.port}",
            user=self.launch.user,
            password=Secret(self.launch.password),
            parameters={"database": self.launch.database},
            calling_code=str(self.launch.settings["calling_code"]),
            connections=CONNECTIONS,
        )

    def tryton_file(self, statement: str, *values: str) -> list[tuple[str, ...]]:
        """Run a statement on Tryton's own database."""
        path = self.folder / TRYTON / f"{self.launch.database}.sqlite"
        with contextlib.closing(sqlite3.connect(path, timeout=5.0)) as database:
            rows = database.execute(statement, values).fetchall()
            database.commit()
        return rows

    def note_sessions(self) -> None:
        """Note the sessions that Tryton has given: they are secrets, too."""
        if self.system == TRYTON:
            keys = {key for (key,) in self.tryton_file("SELECT key FROM ir_session")}
            self.log.secrets.update(keys)


Change = Callable[[World], Awaitable[object]]
Settings = Callable[[World], SystemSettings]


def by(fault: Fault) -> Change:
    """Return what makes the proxy fail like this."""
    return lambda world: world.proxy.set(fault)


mended = by(Pass())


@dataclass(frozen=True)
class Case:
    """A fault: how it begins and ends, what the caller is told, what the log says."""

    name: str
    system: str
    harm: Change
    reason: Reason = Reason.BACKEND_DOWN
    says: str = ""
    """What the line that says it is down holds."""
    opens: bool = True
    """True when the breaker opens: the system does not answer."""
    mend: Change = mended
    heals_s: float = 0.0
    """Seconds that pass until it is asked again, where the breaker does not open."""
    settings: Settings = lambda world: world.settings
    keeps: bool = False
    """True when the connections outlive the fault."""


# Answers of a web server


def http(status: int, body: bytes, *headers: str) -> bytes:
    """Return an answer, complete."""
    head = "".join(f"{line}\r\n" for line in (*headers, f"Content-Length: {len(body)}"))
    return f"HTTP/1.1 {status} Any\r\nConnection: close\r\n{head}\r\n".encode() + body


def answering(*answer: object) -> Change:
    """Return what makes the proxy give one answer to everything."""
    made = http(*answer)  # type: ignore[arg-type]
    return by(Canned(lambda: made))


def patient(world: World) -> SystemSettings:
    """Return settings whose profile leaves 429 to what everybody means by it."""
    return replace(world.settings, profile=str(world.folder / "patient.yaml"))


def years_off(answer: bytes) -> bytes:
    """Set the clock of a web server back by fourteen years."""
    return re.sub(rb"(?m)^Date: .{29}", b"Date: Thu, 05 Jan 2012 10:00:00 GMT", answer)


# Harm at Tryton itself


async def forget_sessions(world: World) -> None:
    world.note_sessions()
    world.tryton_file("DELETE FROM ir_session")


async def change_password(world: World) -> None:
    """Give our user the password of somebody else."""
    world.kept = dict(world.tryton_file("SELECT login, password_hash FROM res_user"))
    _set_hash(world, world.kept["admin"])
    await forget_sessions(world)


async def restore_password(world: World) -> None:
    _set_hash(world, world.kept[world.launch.user])


def _set_hash(world: World, value: str) -> None:
    statement = "UPDATE res_user SET password_hash = ? WHERE login = ?"
    world.tryton_file(statement, value, world.launch.user)


# Harm at the database


def running(statements: str) -> Change:
    """Return what runs statements as the database's administrator."""
    return lambda world: asyncio.to_thread(world.company.change, statements)


async def lock_the_items(world: World) -> None:
    connection = await asyncpg.connect(
        host=HOST,
        port=world.company.server.port,
        user=ADMIN,
        password=world.company.admin_password,
        database=distributor.DATABASE,
    )
    world.locks.append(connection)
    await connection.execute("BEGIN; LOCK TABLE ITMMST IN ACCESS EXCLUSIVE MODE")


async def unlock(world: World) -> None:
    await world.locks.pop().close()


async def new_database_password(world: World) -> None:
    await running(f"ALTER ROLE orderline PASSWORD '{secrets.token_hex()}'")(world)
    await world.proxy.cut()


async def old_database_password(world: World) -> None:
    password = world.company.password.reveal()
    await running(f"ALTER ROLE orderline PASSWORD '{password}'")(world)


FLOOD = """
INSERT INTO PORDTL (PONBR, ITNBR, WHSID, QTOPN, DUEDT, CLSFL)
SELECT 'X' || N, '4521', (SELECT MIN(WHSID) FROM WHSMST), 1, 1991231, ' '
FROM generate_series(1, 600) AS N
"""

SLOW, DOWN = Reason.BACKEND_SLOW, Reason.BACKEND_DOWN
REFUSED, BAD = Reason.BACKEND_REFUSED, Reason.BACKEND_BAD_ANSWER

IN_MID_CALL = (
    Case("refused", TRYTON, by(Refuse()), says="connection refused"),
    Case("reset in mid-answer", TRYTON, by(CutOff(60)), says="cannot be reached"),
    Case("cut off in mid-answer", TRYTON, by(CutOff(60, reset=False)), says="cannot be reached"),
    Case("slow to connect", TRYTON, by(Unanswered()), SLOW, "no answer by the deadline"),
    Case("silent", TRYTON, by(Silent()), SLOW, "no answer by the deadline"),
    Case("slow body", TRYTON, by(Trickle()), SLOW, "no answer by the deadline"),
    Case("503s", TRYTON, answering(503, b"no workers"), says="HTTP status 503"),
    Case("500s", TRYTON, answering(500, b"oops"), BAD, "HTTP status 500", opens=False),
    Case(
        "half JSON", TRYTON, answering(200, b'{"result": [{"id": 1, "na'),
        BAD, "bytes that are not JSON", opens=False,
    ),
    Case(
        "not UTF-8", TRYTON, answering(200, b'{"result": "\xff\xfe"}'),
        BAD, "bytes that are not UTF-8", opens=False,
    ),
    Case(
        "25 MB", TRYTON, answering(200, b" " * HUGE_BYTES),
        BAD, "an answer over 4000000 bytes", opens=False,
    ),
    Case(
        "429 for a second", TRYTON, answering(429, b"", "Retry-After: 1"),
        DOWN, "asks us to come back later", opens=False, heals_s=1.0, settings=patient,
    ),
    Case(
        "429 until a time, its clock years off", TRYTON,
        answering(
            429, b"", "Date: Thu, 05 Jan 2012 10:00:00 GMT",
            "Retry-After: Thu, 05 Jan 2012 10:00:01 GMT",
        ),
        DOWN, "asks us to come back later", opens=False, heals_s=1.0, settings=patient,
    ),
    Case(
        "password changed", TRYTON, change_password, REFUSED, "mend them", opens=False,
        mend=restore_password, heals_s=LOGIN_HOLD_S,
    ),
    Case("refused", SQL, by(Refuse()), says="refuses connections"),
    Case("reset in mid-answer", SQL, by(CutOff(30)), says="connection was lost"),
    Case("cut off in mid-answer", SQL, by(CutOff(30, reset=False)), says="connection was lost"),
    Case("slow to connect", SQL, by(Unanswered()), SLOW, "not answer in time"),
    Case("silent", SQL, by(Silent()), SLOW, "in time"),
    Case("slow body", SQL, by(Trickle()), SLOW, "in time"),
    Case("no PostgreSQL", SQL, by(Canned(lambda: http(400, b"what?"))), says="lost"),
    Case("table locked", SQL, lock_the_items, SLOW, "57014", mend=unlock, keeps=True),
    Case(
        "table dropped", SQL, running("ALTER TABLE ITMMST RENAME TO ITMGONE"),
        BAD, "itmmst", opens=False, mend=running("ALTER TABLE ITMGONE RENAME TO ITMMST"),
        keeps=True,
    ),
    Case(
        "too many rows", SQL, running(FLOOD), BAD, "its limit is", opens=False,
        mend=running("DELETE FROM PORDTL WHERE PONBR LIKE 'X%'"), keeps=True,
    ),
    Case(
        "password changed", SQL, new_database_password, REFUSED, "see user and password",
        opens=False, mend=old_database_password,
    ),
)  # fmt: skip

UNHEARD = (
    Case("session expired", TRYTON, forget_sessions),
    Case("clock years off", TRYTON, by(Pass(years_off))),
    Case("idle connections closed", TRYTON, lambda world: world.proxy.cut()),
    Case("idle connections closed", SQL, lambda world: world.proxy.cut()),
    Case("server restarted", SQL, lambda world: asyncio.to_thread(world.company.restart)),
)
"""Faults that no caller hears of."""


def certified(*names: str, **validity: object) -> Change:
    """Return what puts TLS before the system, with a certificate for these names."""

    async def harm(world: World) -> None:
        world.proxy.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = world.authority.issue_cert(*names, **validity)  # type: ignore[arg-type]
        issued.configure_cert(world.proxy.tls)
        await world.proxy.cut()

    return harm


def by_tls(world: World) -> SystemSettings:
    """Return settings that ask for TLS and trust the authority."""
    settings = replace(world.settings, ca_file=world.folder / "ca.pem")
    if world.system == SQL:
        return replace(settings, url=f"{settings.url}?tls=require")
    return replace(settings, url=settings.url.replace("http:", "https:"))


def nowhere(world: World) -> SystemSettings:
    """Return settings whose host name nobody knows."""
    tls = "?tls=off" if world.system == SQL else ""
    return replace(world.settings, url=world.settings.url.replace(HOST, "erp.invalid") + tls)


NEXT_YEAR = datetime.now(timezone.utc) + timedelta(days=365)

AT_THE_START = (
    Case(
        "certificate for another host", TRYTON, certified("other.example"),
        says="its certificate is for another", mend=certified(HOST), settings=by_tls,
    ),
    Case(
        "certificate not valid yet", TRYTON,
        certified(HOST, not_before=NEXT_YEAR, not_after=NEXT_YEAR + timedelta(days=1)),
        says="its certificate is not valid yet", mend=certified(HOST), settings=by_tls,
    ),
    Case("refused", TRYTON, by(Refuse()), says="connection refused"),
    Case("wrong password", SQL, new_database_password, says="see user and password",
         mend=old_database_password),
    Case("refused", SQL, by(Refuse()), says="refuses connections"),
)  # fmt: skip

FOR_GOOD = (
    Case("no such host", TRYTON, mended, says="its name is not known", settings=nowhere),
    Case("no such host", SQL, mended, says="host name", settings=nowhere),
    Case(
        "certificate for another host", SQL, mended, settings=by_tls,
        says="its certificate can't be trusted",
    ),
)  # fmt: skip
"""Faults that the test can't mend."""


# The systems


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def authority(folder: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(folder / "ca.pem"))
    return made


@pytest.fixture(scope="module")
def launch(folder: Path) -> Iterator[Launch]:
    with tryton.served(folder / TRYTON) as served:
        profile = Path(systems.__file__).with_name("tryton") / "tryton-8.2.yaml"
        text, changed = RATE_LIMIT.subn("", profile.read_text("utf-8"))
        assert changed == 1
        (folder / "patient.yaml").write_text(text, "utf-8")
        yield served


@pytest.fixture(scope="module")
def company(folder: Path, authority: trustme.CA) -> Iterator[Distributor]:
    issued = authority.issue_cert("other.example")
    issued.private_key_pem.write_to_path(str(folder / "server.key"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    tls = Tls(folder / "server.pem", folder / "server.key")
    with distributor.served(folder / SQL, tls=tls) as served:
        yield served


@pytest.fixture(scope="module")
def log() -> Iterator[Log]:
    with logged() as made:
        yield made


@pytest.fixture
async def world(
    request: pytest.FixtureRequest,
    launch: Launch,
    company: Distributor,
    log: Log,
    folder: Path,
    authority: trustme.CA,
) -> AsyncIterator[World]:
    system = request.getfixturevalue("case").system
    server = company.server.port if system == SQL else urlsplit(launch.url).port
    log.secrets |= {launch.password, company.password.reveal(), company.admin_password}
    async with FaultProxy(server or 0) as proxy:
        yield World(system, proxy, log, launch, company, folder, authority)


@asynccontextmanager
async def on_stage(case: Case, world: World) -> AsyncIterator[Stage]:
    """Let a caller call; what the test leaves broken is mended before the systems are closed."""
    name = f"{case.system}: {case.name}"
    async with staged(name, case.system, case.settings(world), world.proxy, world.log) as stage:
        yield stage
        world.note_sessions()


def names(case: Case) -> str:
    return f"{case.system}: {case.name}"


# What callers hear


@pytest.mark.parametrize("case", IN_MID_CALL, ids=names)
async def test_in_mid_call(case: Case, world: World) -> None:
    async with on_stage(case, world) as stage:
        await stage.is_greeted_by_name()
        await stage.answers()
        await stage.all_places_serve()
        before = world.proxy.accepted
        await case.harm(world)
        await stage.fails(case.reason)
        if case.opens:
            await _left_alone(stage)
            await case.mend(world)
            await asyncio.sleep(BREAKER_OPEN_S + SLACK_S)
        else:
            await stage.fails(case.reason)
            await case.mend(world)
            await asyncio.sleep(case.heals_s and case.heals_s + SLACK_S)
        await stage.answers()
        await stage.all_places_serve()
        _demand_two_lines(stage, case)
        assert (world.proxy.accepted == before) or not case.keeps


async def _left_alone(stage: Stage) -> None:
    """Ask until the breaker is open, which takes two silences at most; then nobody is asked."""
    for _ in range(BREAKER_FAILURES - 1):
        if not stage.said_down():
            await stage.turn(STOCK)
    await stage.is_left_alone()
    await stage.fails(Reason.BACKEND_DOWN, PARCELS)


@pytest.mark.parametrize("case", UNHEARD, ids=names)
async def test_no_caller_hears_of_it(case: Case, world: World) -> None:
    async with on_stage(case, world) as stage:
        await stage.is_greeted_by_name()
        await stage.answers()
        await case.harm(world)
        await stage.answers()
        await case.mend(world)
        await stage.all_places_serve()
        assert stage.said_down() == []


@pytest.mark.parametrize("case", AT_THE_START, ids=names)
async def test_at_the_start(case: Case, world: World) -> None:
    await case.harm(world)
    async with on_stage(case, world) as stage:
        await stage.is_greeted_honestly()
        await stage.is_left_alone()
        await case.mend(world)
        await asyncio.sleep(REOPENED_S)
        await stage.is_greeted_by_name()
        await stage.answers()
        await stage.all_places_serve()
        _demand_two_lines(stage, case)


@pytest.mark.parametrize("case", FOR_GOOD, ids=names)
async def test_it_never_comes(case: Case, world: World) -> None:
    await case.harm(world)
    async with on_stage(case, world) as stage:
        await stage.is_greeted_honestly()
        await stage.is_left_alone()
        (down,) = stage.said_down()
        assert case.says in down


def _demand_two_lines(stage: Stage, case: Case) -> None:
    (down,), (up,) = stage.said_down(), stage.said_up()
    assert case.says in down
    assert up > down
