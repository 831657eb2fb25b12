"""Where a database is: the parts of `postgresql://host:port/database?tls=...`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from erp.tls import is_loopback

PORTS = {"postgresql": 5432, "mariadb": 3306}
_TLS = {"require": True, "off": False}


@dataclass(frozen=True)
class Address:
    """One database on one server."""

    scheme: str
    """`postgresql` or `mariadb`."""
    host: str
    port: int
    database: str
    tls: bool
    """True: connect by TLS or not at all."""

    @property
    def loopback(self) -> bool:
        """Tell whether it is on this machine, so that no wire is between us."""
        return is_loopback(self.host)


def parse(url: str, required: bool = False) -> Address:
    """Read the address of a system. Raises ValueError, which begins with `url`.

    required: the profile's section says `tls: require`. Without it, and without `?tls=` in the
    address, TLS is required but for a server on this machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS:
        raise ValueError(f"url is {url!r}: write postgresql://host/database or mariadb://...")
    host, port = parts.hostname or "", _port(parts.netloc, url)
    database = unquote(parts.path.strip("/"))
    if not host or not database or "/" in database:
        raise ValueError(f"url is {url!r}: write {parts.scheme}://host/database")
    tls = _tls(parts.query, url)
    if tls is None:
        tls = required or not is_loopback(host)
    elif required and not tls:
        raise ValueError("url has tls=off, and the profile requires TLS: take it away")
    return Address(parts.scheme, host, port or PORTS[parts.scheme], database, tls)


def _port(netloc: str, url: str) -> int | None:
    try:
        return urlsplit(f"//{netloc}").port
    except ValueError as error:
        raise ValueError(f"url is {url!r}: its port is no number from 1 to 65535") from error


def _tls(query: str, url: str) -> bool | None:
    found = None
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key != "tls" or value not in _TLS:
            raise ValueError(f"url is {url!r}: behind the ? write tls=require or tls=off")
        found = _TLS[value]
    return found
