"""Rows as the engine gives them: columns by name in any case, and no more than may be.

SQL does not tell CUSNO from cusno, and PostgreSQL answers in small letters what MariaDB answers as
it was written; so a row finds its columns in any case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal

from erp.errors import UnreadableAnswer

KEPT_TYPES = (str, int, float, Decimal, date, time, bytes, type(None))
"""What a mapping reads as it is (bool is an int, datetime a date); all else becomes text."""

PLAIN_VALUE_BYTES = 16
"""What a number or a date is reckoned at."""


class TooMuch(UnreadableAnswer):
    """An answer is longer than it may be; the text says by what, without its content."""


class NothingWritten(UnreadableAnswer):
    """A write was done, and can't be read back: it is not kept."""

    def __init__(self) -> None:
        super().__init__("what it wrote can't be read back by `find`: nothing is kept")


class Columns:
    """The columns of one answer: their places by folded name."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        # Of two columns with one name the first counts.
        self.places = {name.lower(): i for i, name in reversed(list(enumerate(names)))}


class Row(Mapping[str, object]):
    """One row. Iterating gives the columns' names as the server writes them."""

    __slots__ = ("_columns", "_values")

    def __init__(self, columns: Columns, values: Sequence[object]) -> None:
        self._columns = columns
        self._values = values

    def __getitem__(self, name: str) -> object:
        value = self._values[self._columns.places[name.lower()]]
        if isinstance(value, Decimal):
            return _written_out(value)
        return value if isinstance(value, KEPT_TYPES) else str(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns.names)

    def __len__(self) -> int:
        return len(self._columns.names)

    def __repr__(self) -> str:
        return f"Row({', '.join(self._columns.names)})"


class Gathered:
    """The raw rows of one answer while they come in, with their caps."""

    def __init__(self, rows_max: int, bytes_max: int) -> None:
        self._rows_max = rows_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self.rows: list[Sequence[object]] = []

    def table(self, columns: Sequence[str]) -> Table:
        """Return what came in, under these names of columns."""
        return Table(Columns(columns), self.rows)

    @property
    def full(self) -> bool:
        """True when no further row is wanted."""
        return len(self.rows) >= self._rows_max

    def add(self, row: Sequence[object]) -> None:
        """Take a row. Raises TooMuch."""
        self._bytes += sum(map(_size_bytes, row))
        if self._bytes > self._bytes_max:
            raise TooMuch(
                f"its answer is over {self._bytes_max} bytes: read less, or raise answer_max_bytes"
            )
        self.rows.append(row)


def _written_out(value: Decimal) -> Decimal:
    """Return the same number without an exponent: asyncpg reads 500000 as 50E+4."""
    exponent = value.as_tuple().exponent
    return Decimal(f"{value:f}") if isinstance(exponent, int) and exponent > 0 else value


def _size_bytes(value: object) -> int:
    return len(value) if isinstance(value, str | bytes) else PLAIN_VALUE_BYTES


class Table:
    """One answer as the driver gives it."""

    def __init__(self, columns: Columns, values: Sequence[Sequence[object]]) -> None:
        self._columns = columns
        self._values = values

    def rows(self) -> list[Row]:
        """Return its rows."""
        return [Row(self._columns, values) for values in self._values]

    def demand_row(self) -> None:
        """Raise NothingWritten when there is none."""
        if not self._values:
            raise NothingWritten
