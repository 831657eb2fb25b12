"""Addresses: which server, and by TLS unless it is on this machine or the url says otherwise."""

from __future__ import annotations

import pytest

from erp.connectors.sql.address import parse


def test_all_parts_are_read() -> None:
    found = parse("mariadb://db.example.com:3307/erp%20live")
    assert (found.scheme, found.host, found.port) == ("mariadb", "db.example.com", 3307)
    assert (found.database, found.tls, found.loopback) == ("erp live", True, False)


@pytest.mark.parametrize(
    ("url", "port"),
    [("postgresql://db/erp", 5432), ("mariadb://db/erp", 3306), ("postgresql://[::2]:99/erp", 99)],
)
def test_the_port_has_a_default(url: str, port: int) -> None:
    assert parse(url).port == port


@pytest.mark.parametrize(
    ("url", "required", "tls"),
    [
        ("postgresql://db.example.com/erp", False, True),
        ("postgresql://db.example.com/erp?tls=off", False, False),
        ("postgresql://db.example.com/erp?tls=require", False, True),
        ("postgresql://127.0.0.1/erp", False, False),
        ("postgresql://127.9.9.9/erp", False, False),
        ("postgresql://[::1]/erp", False, False),
        ("postgresql://localhost/erp", False, False),
        ("postgresql://localhost/erp", True, True),
        ("postgresql://localhost/erp?tls=require", False, True),
        # A name that only looks like this machine.
        ("postgresql://localhost.example.com/erp", False, True),
    ],
)
def test_tls_is_required_but_for_this_machine(url: str, required: bool, tls: bool) -> None:
    assert parse(url, required).tls is tls


@pytest.mark.parametrize(
    "url",
    [
        "http://db/erp",
        "postgresql:///erp",
        "postgresql://db",
        "postgresql://db/",
        "postgresql://db/a/b",
        "postgresql://db:x/erp",
        "postgresql://db:99999/erp",
        "postgresql://db/erp?tls=maybe",
        "postgresql://db/erp?sslmode=require",
    ],
)
def test_a_mistake_begins_with_the_key(url: str) -> None:
    with pytest.raises(ValueError, match=r"^url "):
        parse(url)


def test_a_url_can_not_switch_off_what_the_profile_requires() -> None:
    with pytest.raises(ValueError, match="tls=off"):
        parse("postgresql://db/erp?tls=off", required=True)
