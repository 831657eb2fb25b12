"""The engine `sql` against a real PostgreSQL and a real MariaDB, filled with the distributor.

What the database itself must refuse or forget: another account's rows, a write, a role that stays,
a question that nobody waits for any more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
import trustme

from erp.assembly import NAMES_MAX
from erp.connector import Attempt
from erp.connectors.configured import ConfiguredConnector
from erp.connectors.engine import RawRow, Value
from erp.connectors.sql import SqlEngine, prepare
from erp.deadline import Deadline
from erp.errors import BackendDown, BackendRefused, BackendSlow, BadAnswer
from erp.model import Balance, Customer, Item
from erp.profiles import load
from erp.queries import (
    AvailabilityOf,
    BalanceOf,
    CustomerByAccount,
    CustomersByName,
    FindItem,
    Query,
)
from erp.secrets import Secret
from erp.settings import SystemSettings
from erp.trace import Hop, Trace
from tests.rig import distributor, postgresql
from tests.rig.distributor import KINDS, Distributor

pytestmark = pytest.mark.live

R = TypeVar("R")

SECTION = {"role": "calls_reader", "settings": {"app.account": ":account"}}
WHO_AM_I = {
    "postgresql": "SELECT CURRENT_USER AS WHO, current_setting('app.account', true) AS ACCOUNT",
    "mariadb": "SELECT CURRENT_ROLE() AS WHO, @`app.account` AS ACCOUNT",
}
NOBODY = {"postgresql": ("orderline", ""), "mariadb": (None, None)}
SLEEP = {"postgresql": "SELECT pg_sleep(30)", "mariadb": "SELECT SLEEP(30)"}
SESSION = {
    "postgresql": "SELECT pg_backend_pid() AS ID",
    "mariadb": "SELECT CONNECTION_ID() AS ID",
}
TLS_VERSION = {
    "postgresql": "SELECT version AS v FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mariadb": "SELECT VARIABLE_VALUE AS v FROM information_schema.SESSION_STATUS"
    " WHERE VARIABLE_NAME = 'SSL_VERSION'",
}
RUNNING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity"
    " WHERE usename = 'orderline' AND state = 'active';",
    "mariadb": "SELECT count(*) FROM information_schema.processlist"
    " WHERE USER = 'orderline' AND COMMAND = 'Query';",
}
POKE = {
    "postgresql": "CREATE FUNCTION POKE() RETURNS INTEGER LANGUAGE sql SECURITY DEFINER AS"
    " 'DELETE FROM CARMST; SELECT 1';",
    "mariadb": "CREATE FUNCTION northgate_calls.POKE() RETURNS INTEGER MODIFIES SQL DATA"
    " BEGIN DELETE FROM northgate.CARMST; RETURN 1; END",
}
LATE_S = 2.0


@pytest.fixture(scope="module", params=KINDS)
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Distributor]:
    """Serve the distributor on one of the servers."""
    kind = str(request.param)
    with distributor.served(tmp_path_factory.mktemp(kind), kind) as served:
        yield served


@asynccontextmanager
async def opened(
    settings: SystemSettings, section: Mapping[str, object] = SECTION
) -> AsyncIterator[SqlEngine]:
    engine = SqlEngine("distributor", settings, section, None, {})
    try:
        await engine.open(within(5.0))
        yield engine
    finally:
        await engine.close()


def within(seconds: float) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), seconds)


async def read(
    engine: SqlEngine, sql: str, *, seconds: float = 5.0, limit: int = 500, **values: Value
) -> list[RawRow]:
    request = prepare({"sql": sql, "limit": limit}, "test")
    attempt = Attempt(within(seconds), Trace("distributor", "order_status"))
    return list(await engine.read(request, values, attempt))


async def who(engine: SqlEngine, kind: str) -> tuple[object, object]:
    """Return as whom a statement of the section runs, and for which account."""
    (row,) = await read(engine, WHO_AM_I[kind])
    return row["WHO"], row["ACCOUNT"]


async def test_an_account_sees_its_own_orders_and_nobody_elses(database: Distributor) -> None:
    async with opened(database.system()) as engine:
        rows = await read(engine, "SELECT CUSNO FROM ORDHDR", account="C003")
        assert {str(row["cusno"]).strip() for row in rows} == {"C003"}
        assert len(rows) == 4
        for table in ("ORDHDR", "ORDDTL", "SHPHDR", "ARITEM", "CUSCRD"):
            assert await read(engine, f"SELECT * FROM {table}") == [], table
        # What all orders claim of the stock is no account's.
        assert len(await read(engine, "SELECT * FROM OPNDMD")) > 10


async def test_without_its_role_our_user_sees_nothing(database: Distributor) -> None:
    async with opened(database.system(), {"settings": SECTION["settings"]}) as engine:
        # PostgreSQL does not even say that the table is there.
        with pytest.raises((BackendRefused, BadAnswer)) as raised:
            await read(engine, "SELECT CUSNO FROM ORDHDR", account="C003")
    assert "C003" not in str(raised.value)


async def test_a_role_that_our_user_does_not_have_is_told(database: Distributor) -> None:
    section = {"role": "nobodys_role"}
    async with opened(database.system(connections=1), section) as engine:
        with pytest.raises(BackendRefused, match="role"):
            await read(engine, "SELECT CURCD FROM CTLPAR")


async def test_a_write_is_refused_even_where_a_right_was_given_by_mistake(
    database: Distributor,
) -> None:
    kind = database.kind
    name = "POKE()" if kind == "postgresql" else "northgate_calls.POKE()"
    delimiter = "" if kind == "postgresql" else "DELIMITER $$\n"
    database.change(f"{delimiter}{POKE[kind]}{'$$' if delimiter else ''}\n")
    grant = "FUNCTION northgate_calls.POKE" if kind == "mariadb" else "FUNCTION POKE()"
    database.change(f"GRANT EXECUTE ON {grant} TO calls_reader;")
    async with opened(database.system()) as engine:
        with pytest.raises(BadAnswer, match="may only read"):
            await read(engine, f"SELECT {name} AS N")
    assert database.change("SELECT count(*) FROM CARMST;").strip() == "2"


async def test_role_and_account_are_gone_when_the_connection_comes_back(
    database: Distributor,
) -> None:
    kind = database.kind
    async with opened(database.system(connections=1)) as engine:
        bare = SqlEngine("bare", database.system(connections=1), {}, None, {})
        bare._pool = engine._pool  # the same connection, and no role or settings of its own
        await read(engine, "SELECT CUSNO FROM ORDHDR", account="C003")
        assert await who(bare, kind) == NOBODY[kind]
        with pytest.raises(BadAnswer):
            await read(engine, "SELECT NOWHERE FROM ORDHDR", account="C003")
        assert await who(bare, kind) == NOBODY[kind]
        with pytest.raises(BackendSlow):
            await read(engine, SLEEP[kind], seconds=0.2, account="C003")
        assert await who(bare, kind) == NOBODY[kind]
        task = asyncio.create_task(read(engine, SLEEP[kind], seconds=3.0, account="C003"))
        await until_running(database, 1)
        task.cancel()
        await asyncio.wait((task,))
        assert await who(bare, kind) == NOBODY[kind]
        await until_running(database, 0)


async def until_running(database: Distributor, wanted: int) -> None:
    """Wait until so many questions of ours run at the server."""
    end_s = time.monotonic() + 10.0
    while int(await asyncio.to_thread(database.change, RUNNING[database.kind])) != wanted:
        assert time.monotonic() < end_s, "the server still runs what nobody waits for"
        await asyncio.sleep(0.05)


async def test_a_slow_statement_ends_at_the_deadline_and_the_connection_lives(
    database: Distributor,
) -> None:
    async with opened(database.system(connections=1)) as engine:
        before = await read(engine, SESSION[database.kind])
        begin_s = time.monotonic()
        with pytest.raises(BackendSlow):
            await read(engine, SLEEP[database.kind], seconds=0.3)
        assert time.monotonic() - begin_s < 0.3 + LATE_S
        assert (await read(engine, SESSION[database.kind]))[0]["ID"] == before[0]["ID"]


async def test_a_cancelled_question_ends_at_the_server_too(database: Distributor) -> None:
    async with opened(database.system(connections=2)) as engine:
        task = asyncio.create_task(read(engine, SLEEP[database.kind], seconds=4.0))
        await until_running(database, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # PostgreSQL is told; MariaDB gives up when the time that was left is over.
        await until_running(database, 0)
        assert await read(engine, "SELECT CURCD FROM CTLPAR")


async def test_more_rows_than_allowed_show_as_one_more_and_no_further(
    database: Distributor,
) -> None:
    async with opened(database.system(connections=1)) as engine:
        sql = "SELECT A.ITNBR FROM ITMMST A CROSS JOIN ITMMST B LIMIT 3000"
        assert len(await read(engine, sql, limit=100)) == 101
        assert await read(engine, "SELECT CURCD FROM CTLPAR")


async def test_an_answer_over_the_cap_is_refused_and_the_next_one_is_right(
    database: Distributor,
) -> None:
    async with opened(database.system(connections=1, answer_max_bytes=50_000)) as engine:
        sql = "SELECT REPEAT('x', 1000) AS X FROM ITMMST"
        with pytest.raises(BadAnswer, match="answer_max_bytes"):
            await read(engine, sql)
        assert [dict(row) for row in await read(engine, "SELECT 7 AS N")] in (
            [{"n": 7}],
            [{"N": 7}],
        )


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT NOWHERE FROM ITMMST WHERE ITNBR = :n", "(?i)nowhere"),
        ("SELECT ITNBR FROM NOTABLE WHERE ITNBR = :n", "(?i)notable"),
        ("SELECT ITNBR FORM ITMMST WHERE ITNBR = :n", "(?i)syntax"),
    ],
)
async def test_a_mistake_in_a_statement_is_told_without_values(
    database: Distributor, sql: str, told: str
) -> None:
    async with opened(database.system()) as engine:
        with pytest.raises(BadAnswer, match=told) as raised:
            await read(engine, sql, n="Secret-4711")
    assert "4711" not in str(raised.value)
    assert "test.sql" in str(raised.value)


async def test_a_day_that_no_calendar_of_ours_has_is_an_answer_that_can_not_be_read(
    database: Distributor,
) -> None:
    if database.kind == "mariadb":
        return  # its days end with 9999
    async with opened(database.system()) as engine:
        for day in ("CAST('20000-01-01' AS DATE)", "CAST('20000-01-01' AS TIMESTAMP)"):
            with pytest.raises(BadAnswer, match="can't be read"):
                await read(engine, f"SELECT {day} AS D")
        assert await read(engine, "SELECT 1 AS N") == [{"n": 1}]


ODD_ROWS = """
INSERT INTO PORDTL VALUES ('P9999', '4521', 'X9', 500, 1270101, 'N');
INSERT INTO ARITEM VALUES (999001, 'C001', 'I', 0, 77700, 'N');
"""
ODD_ROWS_GONE = """
DELETE FROM PORDTL WHERE PONBR = 'P9999';
DELETE FROM ARITEM WHERE INVNO = 999001;
DELETE FROM CUSMST WHERE CNAM1 = 'Bulk';
"""


async def test_a_closed_warehouse_no_due_date_and_a_common_name(database: Distributor) -> None:
    names = ", ".join(f"('B{n:04}', 'Bulk', 'Company', '', 'A', '', '')" for n in range(501))
    connector = ConfiguredConnector("shop", database.system(), load(distributor.PROFILE))

    async def ask(query: Query[R]) -> R:
        return await connector.ask(query, Attempt(within(5.0), Trace("shop", query.operation)))

    try:
        customer, item = await ask(CustomerByAccount("C001")), await ask(FindItem("4521"))
        assert isinstance(customer, Customer)
        assert isinstance(item, Item)
        stock = await ask(AvailabilityOf(item, date.today()))
        balance = await ask(BalanceOf(customer))
        assert isinstance(balance, Balance)
        database.change(f"{ODD_ROWS} INSERT INTO CUSMST VALUES {names};")
        # What comes to a warehouse that is closed is promised to nobody.
        after = await ask(AvailabilityOf(item, date.today()))
        assert (after.incoming, after.warehouses) == (stock.incoming, stock.warehouses)
        # An invoice without a due date (0) is owed, and not overdue.
        owes = await ask(BalanceOf(customer))
        assert isinstance(owes, Balance)
        assert owes.owed.amount == balance.owed.amount + 777
        assert owes.overdue == balance.overdue
        assert len(await ask(CustomersByName("bulk"))) == NAMES_MAX
    finally:
        await connector.close()
        database.change(ODD_ROWS_GONE)


async def test_texts_come_and_go_whatever_they_hold(database: Distributor) -> None:
    nasty = 'M\u00fcller\'s \\ "x" `y` %s %% $1 :z \u20ac'
    async with opened(database.system()) as engine:
        sql = "SELECT CAST(:text AS CHAR(60)) AS T, '100% :no' AS P, 3 AS N -- a comment\n"
        (row,) = await read(engine, sql, text=nasty)
    assert str(row["t"]).rstrip() == nasty
    assert str(row["p"]) == "100% :no"


async def test_a_wrong_password_is_refused_by_one_login(
    database: Distributor, caplog: pytest.LogCaptureFixture
) -> None:
    engine = SqlEngine("d", database.system(password=Secret("hunter2-wrong")), SECTION, None, {})
    with caplog.at_level(logging.DEBUG), pytest.raises(BackendRefused):
        await engine.open(within(5.0))
    await engine.close()
    assert "hunter2" not in caplog.text


async def test_a_host_that_nobody_knows_is_told(database: Distributor) -> None:
    url = f"{database.kind}://no-such-host.invalid/x?tls=off"
    engine = SqlEngine("d", database.system(url=url), SECTION, None, {})
    with pytest.raises(BackendDown, match="host name"):
        await engine.open(within(5.0))
    await engine.close()


async def test_tls_that_the_server_does_not_have_is_not_done_without(
    database: Distributor,
) -> None:
    engine = SqlEngine("d", database.system(), {**SECTION, "tls": "require"}, None, {})
    with pytest.raises((BackendDown, BackendRefused)):
        await engine.open(within(5.0))
    await engine.close()


async def test_after_a_restart_the_next_question_is_answered(database: Distributor) -> None:
    async with opened(database.system(connections=3)) as engine:
        await read(engine, "SELECT CURCD FROM CTLPAR")
        await asyncio.to_thread(database.restart)
        assert len(await read(engine, "SELECT CURCD FROM CTLPAR")) == 1
        await engine.tend(within(5.0))
        await asyncio.to_thread(database.stop)
        with pytest.raises(BackendDown):
            await read(engine, "SELECT CURCD FROM CTLPAR")
        with pytest.raises(BackendDown):
            await engine.tend(within(5.0))
        await asyncio.to_thread(database.restart)
        await engine.tend(within(5.0))
        assert len(await read(engine, "SELECT CURCD FROM CTLPAR")) == 1


async def test_fewer_connections_than_wanted_are_enough(
    database: Distributor, caplog: pytest.LogCaptureFixture
) -> None:
    postgres = database.kind == "postgresql"
    limit = (
        "ALTER ROLE orderline CONNECTION LIMIT {}"
        if postgres
        else ("ALTER USER orderline WITH MAX_USER_CONNECTIONS {}")
    )
    database.change(limit.format(2) + ";")
    try:
        async with opened(database.system(connections=4)) as engine:
            assert await read(engine, "SELECT CURCD FROM CTLPAR")
        assert "one connection less than wanted" in caplog.text
    finally:
        database.change(limit.format(-1 if postgres else 0) + ";")


async def test_the_hops_are_noted(database: Distributor) -> None:
    engine = SqlEngine("d", database.system(connections=1), SECTION, None, {})
    trace = Trace("d", "ping")
    request = prepare({"sql": "SELECT CURCD FROM CTLPAR"}, "test")
    try:
        await engine.read(request, {}, Attempt(within(5.0), trace))
        first = [span.hop for span in trace.spans]
        await engine.read(request, {}, Attempt(within(5.0), trace))
    finally:
        await engine.close()
    assert first == [Hop.CONNECT, Hop.SERVER, Hop.PARSE]
    assert [span.hop for span in trace.spans] == [*first, Hop.SERVER, Hop.PARSE]


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Make the authority that signed the server's certificate."""
    return trustme.CA()


@pytest.fixture(scope="module", params=KINDS)
def secured(
    request: pytest.FixtureRequest,
    authority: trustme.CA,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Distributor, Path]]:
    """Serve the distributor by TLS, as `localhost`; with the authority's certificate."""
    folder = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(str(folder / "server.key"))
    for blob in issued.cert_chain_pems:
        blob.write_to_path(str(folder / "server.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    tls = postgresql.Tls(folder / "server.pem", folder / "server.key")
    with distributor.served(folder, str(request.param), tls=tls) as served:
        yield served, folder / "ca.pem"


async def test_tls_1_3_is_spoken(secured: tuple[Distributor, Path]) -> None:
    served, ca_file = secured
    url = served.server.url(served.database, "localhost") + "?tls=require"
    async with opened(served.system(url=url, ca_file=ca_file), {}) as engine:
        assert await read(engine, TLS_VERSION[served.kind]) == [{"v": "TLSv1.3"}]


async def test_a_certificate_of_another_host_is_refused(
    secured: tuple[Distributor, Path],
) -> None:
    served, ca_file = secured
    settings = served.system(url=f"{served.url}?tls=require", ca_file=ca_file)
    engine = SqlEngine("d", settings, SECTION, None, {})
    with pytest.raises(BackendRefused, match="certificate"):
        await engine.open(within(5.0))
    await engine.close()


async def test_the_private_copy_of_postgresql_serves_as_well(tmp_path: Path) -> None:
    programs = await asyncio.to_thread(postgresql.fetch_private)
    with postgresql.served(tmp_path, programs=programs) as server:
        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=server.port,
            user="admin",
            password=server.admin_password,
            database="postgres",
            ssl=False,
        )
        try:
            assert await connection.fetchval("SELECT 1") == 1
        finally:
            await connection.close()
