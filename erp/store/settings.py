"""Where the store is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from erp.secrets import Secret

SQLITE_FILE = "orderline.sqlite"
DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg")


@dataclass(frozen=True)
class StoreSettings:
    """Where events, calls and call-backs are kept, so that they outlive every process."""

    url: str | None = None
    """postgresql+asyncpg://USER@HOST/DATABASE where several hosts share one store; none: the
    file orderline.sqlite in the folder, for one host. The password does not belong here."""
    password: Secret | None = field(default=None, repr=False)
    """Password of the user in the address."""
    folder: Path = Path("/var/lib/orderline")
    """Folder of the SQLite file, on a local disk; it is made when it is not there."""

    def __post_init__(self) -> None:
        if self.url is None:
            return
        if (parsed := _parsed(self.url)) is None or parsed.drivername not in DRIVERS:
            # The text itself may hold a password: it is not repeated.
            raise ValueError(
                "url is not the address of a store:"
                " write postgresql+asyncpg://USER@HOST/DATABASE, or leave it out"
            )
        if parsed.password is not None:
            raise ValueError("url holds a password: take it out and write env:NAME to password")

    @property
    def address(self) -> URL:
        """The address with its password: for the driver only, never for a log."""
        if self.url is None:
            return URL.create(DRIVERS[0], database=str(self.folder / SQLITE_FILE))
        password = self.password.reveal() if self.password else None
        return make_url(self.url).set(password=password)

    @property
    def file(self) -> Path | None:
        """The SQLite file; none when the store is a server."""
        address = self.address
        if address.drivername != DRIVERS[0] or not address.database:
            return None
        return Path(address.database)


def _parsed(url: str) -> URL | None:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        return None
