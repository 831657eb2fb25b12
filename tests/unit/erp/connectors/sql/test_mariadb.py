"""MariaDB's errors, without a server: the live tests ask a real one."""

from __future__ import annotations

import ssl

import pytest
from asyncmy import errors
from asyncmy.charset import charset_by_name

from erp.connectors.sql.address import parse
from erp.connectors.sql.mariadb import CHARSET, UNSAFE_CHARSETS, MariadbDriver
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

URL = "mariadb://127.0.0.1/x"


def seen(error: Exception) -> ErpError:
    """Return what becomes of an error at the seam."""
    settings = SystemSettings(profile="x", url=URL, user="reader")
    driver = MariadbDriver(parse(URL), settings, SqlSection(), None)
    with pytest.raises(ErpError) as raised, driver.seam(Asked("erp", "price", "part.sql")):
        raise error
    return raised.value


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (1969, BackendSlow),
        (1205, BackendSlow),
        (1040, BackendBusy),
        (1203, BackendBusy),
        (1053, BackendDown),
        (2003, BackendDown),
        (2006, BackendDown),
        (2013, BackendDown),
        (1045, BackendRefused),
        (1142, BackendRefused),
        (1959, BackendRefused),
        (1054, BadAnswer),
        (1049, BadAnswer),
        (1792, BadAnswer),
        (1365, BadAnswer),
    ],
)
def test_every_number_has_its_kind(number: int, kind: type[ErpError]) -> None:
    found = seen(errors.OperationalError(number, "told"))
    assert type(found) is kind
    assert f"(error {number})" in str(found)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.InterfaceError(0, "Not connected"), BackendDown),
        (errors.InternalError("Packet sequence number wrong"), BadAnswer),
        (ConnectionResetError(), BackendDown),
        (ssl.SSLEOFError(), BackendDown),
        (ssl.SSLError(), BackendRefused),
        (TooMuch("over"), BadAnswer),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), BadAnswer),
        (OverflowError("out of range"), BadAnswer),
    ],
)
def test_errors_without_a_number_have_theirs(error: Exception, kind: type[ErpError]) -> None:
    assert type(seen(error)) is kind


@pytest.mark.parametrize(
    "charset", [CHARSET, "latin1", "cp1250", "cp932", "euckr", "gbk", "big5", "sjis", "ujis"]
)
def test_no_character_is_sent_as_a_quote_that_was_not_escaped(charset: str) -> None:
    encoding = charset_by_name(charset).encoding
    quotes = {"'", '"', "\\"}
    as_quotes = [
        character
        for character in map(chr, range(0x80, 0xD800))
        if character.encode(encoding, "ignore").decode("latin-1") in quotes
    ]
    assert bool(as_quotes) is (charset in UNSAFE_CHARSETS)


def test_a_charset_that_hides_quotes_is_refused() -> None:
    settings = SystemSettings(profile="x", url=URL, user="reader")
    with pytest.raises(ValueError, match="charset is 'SJIS': write utf8mb4, or cp932"):
        MariadbDriver(parse(URL), settings, SqlSection(charset="SJIS"), None)


def test_a_tls_error_behind_the_drivers_own_is_found() -> None:
    error = errors.OperationalError(2003, "Can't connect")
    error.__cause__ = ssl.SSLCertVerificationError()
    error.__cause__.verify_message = "Hostname mismatch"
    assert "Hostname mismatch" in str(seen(error))


def test_a_name_that_is_wrong_is_told_and_a_value_is_not() -> None:
    found = seen(errors.OperationalError(1054, "Unknown column 'NOWHERE' in 'field list'"))
    assert "part.sql: Unknown column 'NOWHERE'" in str(found)
    message = (
        "You have an error in your SQL syntax; check the manual that corresponds to your MariaDB"
        " server version for the right syntax to use near 'T WHERE A = 'Secret-4711'' at line 3"
    )
    told = str(seen(errors.ProgrammingError(1064, message)))
    assert "4711" not in told
    assert "error in your SQL syntax at line 3" in told
    overflow = errors.OperationalError(1690, "BIGINT value is out of range in '(4711 * 2)'")
    assert "4711" not in str(seen(overflow))
