"""PostgreSQL's errors and types, without a server: the live tests ask a real one."""

from __future__ import annotations

import asyncio
import ssl
from datetime import date, datetime
from decimal import Decimal

import asyncpg
import pytest

from erp.connectors.sql.address import parse
from erp.connectors.sql.postgresql import Misfit, PostgresqlDriver, fitted
from erp.connectors.sql.rows import TooMuch
from erp.connectors.sql.section import SqlSection
from erp.connectors.sql.session import Asked
from erp.errors import (
    BackendBusy,
    BackendDown,
    BackendRefused,
    BackendSlow,
    BadAnswer,
    ErpError,
)
from erp.settings import SystemSettings

URL = "postgresql://127.0.0.1/x"


def seen(error: Exception) -> ErpError:
    """Return what becomes of an error at the seam."""
    settings = SystemSettings(profile="x", url=URL, user="reader")
    driver = PostgresqlDriver(parse(URL), settings, SqlSection(), None)
    with pytest.raises(ErpError) as raised, driver.seam(Asked("erp", "price", "part.sql")):
        raise error
    assert raised.value.__cause__ is error
    assert (raised.value.system, raised.value.operation) == ("erp", "price")
    return raised.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (asyncpg.QueryCanceledError("x"), BackendSlow),
        (asyncpg.LockNotAvailableError("x"), BackendSlow),
        (asyncpg.TooManyConnectionsError("x"), BackendBusy),
        (asyncpg.OutOfMemoryError("x"), BackendBusy),
        (asyncpg.CannotConnectNowError("x"), BackendDown),
        (asyncpg.AdminShutdownError("x"), BackendDown),
        (asyncpg.ConnectionDoesNotExistError("x"), BackendDown),
        (asyncpg.InterfaceError("x"), BackendDown),
        (asyncpg.InvalidCachedStatementError("x"), BackendDown),
        (ConnectionRefusedError(), BackendDown),
        (ConnectionResetError(), BackendDown),
        (asyncio.TimeoutError(), BackendDown),
        (asyncpg.InvalidPasswordError("x"), BackendRefused),
        (asyncpg.InvalidAuthorizationSpecificationError("x"), BackendRefused),
        (asyncpg.InsufficientPrivilegeError("x"), BackendRefused),
        (asyncpg.UndefinedColumnError("x"), BadAnswer),
        (asyncpg.ReadOnlySQLTransactionError("x"), BadAnswer),
        (asyncpg.InvalidCatalogNameError("x"), BadAnswer),
        (asyncpg.DivisionByZeroError("x"), BadAnswer),
        (TooMuch("over"), BadAnswer),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), BadAnswer),
        # What asyncpg raises for a day that Python does not have.
        (ValueError("year 20000 is out of range"), BadAnswer),
        (OverflowError("date value out of range"), BadAnswer),
        (ssl.SSLEOFError(), BackendDown),
        (ssl.SSLCertVerificationError(), BackendRefused),
        (ssl.SSLError(), BackendRefused),
    ],
)
def test_every_error_has_its_kind(error: Exception, kind: type[ErpError]) -> None:
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "Hostname mismatch"
    assert type(seen(error)) is kind


def test_a_name_that_is_wrong_is_told_and_a_value_is_not() -> None:
    wrong = asyncpg.UndefinedColumnError('column "nowhere" does not exist')
    assert 'part.sql: column "nowhere" does not exist (SQLSTATE 42703)' in str(seen(wrong))
    value = asyncpg.InvalidTextRepresentationError('invalid input syntax: "Secret-4711"')
    assert "4711" not in str(seen(value))


def test_a_message_is_short_and_plain() -> None:
    told = str(seen(asyncpg.PostgresSyntaxError("\u20ac\n" * 500)))
    assert told.isascii()
    assert "\n" not in told
    assert len(told) < 220


@pytest.mark.parametrize(
    ("value", "kind", "wanted"),
    [
        ("x", "bpchar", "x"),
        ("x", "text", "x"),
        (7, "varchar", "7"),
        (date(2026, 11, 21), "text", "2026-11-21"),
        (7, "int4", 7),
        (7, "numeric", 7),
        (7, "float8", 7.0),
        (Decimal("1.5"), "numeric", Decimal("1.5")),
        (Decimal("1.5"), "float4", 1.5),
        (date(2026, 11, 21), "date", date(2026, 11, 21)),
        (date(2026, 11, 21), "timestamp", datetime(2026, 11, 21)),
        (True, "bool", True),
        (None, "int4", None),
    ],
)
def test_values_fit_where_they_may_go(value: object, kind: str, wanted: object) -> None:
    got = fitted(value, kind, "n")  # type: ignore[arg-type]
    assert got == wanted
    assert type(got) is type(wanted)


@pytest.mark.parametrize(
    ("value", "kind"),
    [("2001", "int4"), ("x", "date"), (Decimal("1.5"), "int4"), (True, "int4"), (7, "bool")],
)
def test_a_value_that_does_not_fit_is_named_and_not_shown(value: object, kind: str) -> None:
    with pytest.raises(Misfit, match=rf"parameter order_number .* {kind} .*CAST") as raised:
        fitted(value, kind, "order_number")  # type: ignore[arg-type]
    assert "2001" not in str(raised.value)
    assert isinstance(seen(raised.value), BadAnswer)
