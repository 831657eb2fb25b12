"""The faults of `test_erp_faults`: how each begins and ends, and what callers and log must say.

Harm is done to the line, by the proxy of `tests/rig/faults`, or to the system itself: a real
Tryton, and the distributor on a real PostgreSQL.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import sqlite3
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import asyncpg
import trustme

from dialplan.reasons import Reason
from erp.connectors.http.auth.keeper import REFUSED_HOLD_S
from erp.secrets import Secret
from erp.settings import SystemSettings
from tests.integration.fault_turns import CONNECTIONS, Log
from tests.rig import distributor
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
from tests.rig.tryton import Launch

TRYTON = "tryton"
SQL = "distributor"
HOST = "127.0.0.1"
HUGE_BYTES = 25_000_000
SLACK_S = 0.1
"""Seconds that a timer of the product may be late."""

LOGIN_HOLD_S = REFUSED_HOLD_S + 0.1
"""After a refused login the product tries no other for so long."""

RATE_LIMIT = re.compile(r"^ +- \{status: 429,.*\n", re.MULTILINE)
"""The line with which Tryton's profile takes a 429 for Tryton's own, of too many wrong logins."""


@dataclass(frozen=True)
class Site:
    """The real systems, and what they share."""

    launch: Launch
    company: Distributor
    folder: Path
    authority: trustme.CA
    log: Log


@dataclass
class World:
    """One real system, the proxy before it, and ways to harm it."""

    system: str
    proxy: FaultProxy
    site: Site = field(repr=False)
    kept: dict[str, str] = field(default_factory=dict, repr=False)
    locks: list[asyncpg.Connection[asyncpg.Record]] = field(default_factory=list)

    @property
    def settings(self) -> SystemSettings:
        """The product's settings of the system, by way of the proxy."""
        if self.system == SQL:
            url = f"postgresql://{HOST}:{self.proxy.port}/{distributor.DATABASE}"
            return self.site.company.system(url=url, connections=CONNECTIONS)
        return SystemSettings(
            profile="tryton-8.2",
            url=f"http://{HOST}:{self.proxy.port}",
            user=self.site.launch.user,
            password=Secret(self.site.launch.password),
            parameters={"database": self.site.launch.database},
            calling_code=str(self.site.launch.settings["calling_code"]),
            connections=CONNECTIONS,
        )

    def tryton_file(self, statement: str, *values: str) -> list[Any]:
        """Run a statement on Tryton's own database."""
        path = self.site.folder / TRYTON / f"{self.site.launch.database}.sqlite"
        with contextlib.closing(sqlite3.connect(path, timeout=5.0)) as database:
            rows = database.execute(statement, values).fetchall()
            database.commit()
        return rows

    def note_sessions(self) -> None:
        """Note the sessions that Tryton has given: they are secrets, too."""
        if self.system == TRYTON:
            keys = {key for (key,) in self.tryton_file("SELECT key FROM ir_session")}
            self.site.log.secrets.update(keys)


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

    @property
    def label(self) -> str:
        """System and fault."""
        return f"{self.system}: {self.name}"


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
    return replace(world.settings, profile=str(world.site.folder / "patient.yaml"))


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
    _set_hash(world, world.kept[world.site.launch.user])
    # Tryton holds up the next login by 0 or 1 s, at random, for each wrong one.
    world.tryton_file("DELETE FROM res_user_login_attempt")


def _set_hash(world: World, value: str) -> None:
    statement = "UPDATE res_user SET password_hash = ? WHERE login = ?"
    world.tryton_file(statement, value, world.site.launch.user)


# Harm at the database


def running(statements: str) -> Change:
    """Return what runs statements as the database's administrator."""
    return lambda world: asyncio.to_thread(world.site.company.change, statements)


async def lock_the_items(world: World) -> None:
    connection = await asyncpg.connect(
        host=HOST,
        port=world.site.company.server.port,
        user=ADMIN,
        password=world.site.company.admin_password,
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
    password = world.site.company.password.reveal()
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
    Case("500s", TRYTON, answering(500, b"oops"), BAD, "HTTP status 500"),
    Case(
        "half JSON", TRYTON, answering(200, b'{"result": [{"id": 1, "na'),
        BAD, "bytes that are not JSON",
    ),
    Case(
        "not UTF-8", TRYTON, answering(200, b'{"result": "\xff\xfe"}'),
        BAD, "bytes that are not UTF-8",
    ),
    Case(
        "25 MB", TRYTON, answering(200, b" " * HUGE_BYTES),
        BAD, "an answer over 4000000 bytes",
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
    Case("slow to connect", SQL, by(Unanswered()), SLOW, "by the deadline"),
    Case("silent", SQL, by(Silent()), SLOW, "by the deadline"),
    Case("slow body", SQL, by(Trickle()), SLOW, "by the deadline"),
    Case("no PostgreSQL", SQL, by(Canned(lambda: http(400, b"what?"))), says="lost"),
    Case("table locked", SQL, lock_the_items, SLOW, "time", mend=unlock, keeps=True),
    Case(
        "table dropped", SQL, running("ALTER TABLE ITMMST RENAME TO ITMGONE"),
        BAD, "itmmst", mend=running("ALTER TABLE ITMGONE RENAME TO ITMMST"),
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
    Case("server restarted", SQL, lambda world: asyncio.to_thread(world.site.company.restart)),
)
"""Faults that no caller hears of."""


def certified(*names: str, **validity: object) -> Change:
    """Return what puts TLS before the system, with a certificate for these names."""

    async def harm(world: World) -> None:
        world.proxy.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = world.site.authority.issue_cert(*names, **validity)  # type: ignore[arg-type]
        issued.configure_cert(world.proxy.tls)
        await world.proxy.cut()

    return harm


def by_tls(world: World) -> SystemSettings:
    """Return settings that ask for TLS and trust the authority."""
    settings = replace(world.settings, ca_file=world.site.folder / "ca.pem")
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
        REFUSED, "its certificate is for another", mend=certified(HOST), settings=by_tls,
    ),
    Case("refused at the start", TRYTON, by(Refuse()), says="connection refused"),
    Case(
        "wrong password at the start", SQL, new_database_password,
        REFUSED, "see user and password", mend=old_database_password,
    ),
    Case("refused at the start", SQL, by(Refuse()), says="refuses connections"),
)  # fmt: skip

FOR_GOOD = (
    Case(
        "certificate not valid yet", TRYTON,
        certified(HOST, not_before=NEXT_YEAR, not_after=NEXT_YEAR + timedelta(days=1)),
        REFUSED, "its certificate is not valid yet", settings=by_tls,
    ),
    Case("no such host", TRYTON, mended, says="its name is not known", settings=nowhere),
    Case("no such host", SQL, mended, says="host name", settings=nowhere),
    Case(
        "certificate for another host", SQL, mended, REFUSED, settings=by_tls,
        says="its certificate can't be trusted",
    ),
)  # fmt: skip
"""Faults that the test can't mend, or that are mended as another one is."""
