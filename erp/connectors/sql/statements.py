"""The statements of a profile: one SELECT or INSERT each, with `:name` parameters, made positional.

    SELECT A FROM T WHERE B = :account AND C > :today
    PostgreSQL:  ... WHERE B = $1 AND C > $2        MariaDB:  ... WHERE B = %s AND C > %s

It splits a text into quoted pieces, comments, words and parameters, no more: whether the columns
are there, only the server can tell. What the two servers would split differently is refused, as is
all that is not a single read, or where something is written, a single INSERT. This is no guard
against the profile's author; the rights of our user and the read-only transaction are.

Source: PostgreSQL documentation 4.1 "Lexical Structure"; MariaDB Knowledge Base "Language
Structure".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from erp.profiles.errors import ProfileError

SERVERS = ("postgresql", "mariadb")
"""The schemes of the addresses; `sql:` may give a text for each."""

STATEMENT_MAX_CHARACTERS = 20_000
ROWS_MAX = 500
"""Most rows of a part that says no `limit` (as in docs/profiles.rst)."""

_TOKEN = re.compile(
    r"""
      (?P<comment> --(?=\s|$)[^\n]* | /\*(?![!M])(?:(?!/\*).)*?\*/ )
    | (?P<quoted>  '[^']*' | "[^"]*" | `[^`]*` )
    | (?P<cast>    :: )
    | (?P<name>    :[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)? )
    | (?P<word>    [^\W\d][\w$]* )
    | (?P<number>  [0-9][\w.]* )
    | (?P<space>   \s+ )
    | (?P<other>   . )
    """,
    re.VERBOSE | re.DOTALL,
)
_WRITING = frozenset(
    {
        *("insert", "update", "delete", "merge", "into", "create", "alter", "drop", "grant"),
        *("revoke", "call", "execute", "prepare"),
    }
)
_NOT_INSERTING = _WRITING - {"insert", "into"}
_REFUSED_CHARACTERS = {
    "$": "holds a $: name a parameter as :name, and write '...' for a text",
    "#": "holds a #: write -- for a comment",
    ";": "holds more than one statement: write one SELECT",
    "'": "has a quote that does not end: write '' for a quote within a text",
    '"': 'has a quote that does not end: write "" for a quote within a name',
    "`": "has a quote that does not end",
}
_LOCKING = re.compile(r"for (no key |key )?share|lock in share", re.IGNORECASE)


@dataclass(frozen=True)
class Text:
    """One statement as a server takes it."""

    text: str
    names: tuple[str, ...]
    """Which parameter stands at each place, in order."""


@dataclass(frozen=True)
class _Piece:
    text: str
    name: str = ""
    """Of a parameter; empty for all else."""


Demand = Callable[[list[_Piece], str], None]
"""(pieces, place): raises ProfileError when the statement is not of the wanted kind."""


@dataclass(frozen=True)
class SqlRequest:
    """A request of a profile: what is sent to which server, and how much may come back."""

    where: str
    texts: Mapping[str, Text]
    """By server; a server that is not there can't be asked."""
    rows_max: int
    """Most rows that are fetched: one more than the part allows, so that it shows."""

    @property
    def names(self) -> frozenset[str]:
        """The parameters that it needs."""
        return frozenset(name for text in self.texts.values() for name in text.names)


def prepare(part: Mapping[str, object], where: str) -> SqlRequest:
    """Make a request of a part's `sql`: one text, or one for each server. Raises ProfileError.

    where: the part's place in the profile.
    """
    return _prepared(part, f"{where}.sql", _demand_read)


def prepare_write(part: Mapping[str, object], where: str) -> SqlRequest:
    """Make a request of a part's `sql` that writes: one INSERT. As `prepare` else."""
    for key in part:
        if key != "sql":
            raise ProfileError(
                f"{where}.{key} is not known: an INSERT gives no row, it is read back by `find`"
            )
    return _prepared(part, f"{where}.sql", _demand_insert)


def _prepared(part: Mapping[str, object], place: str, demand: Demand) -> SqlRequest:
    sql = part.get("sql")
    if isinstance(sql, Mapping):
        texts = {
            server: _RENDER[server](_split(sql[server], f"{place}.{server}", demand))
            for server in _servers(sql, place)
        }
    else:
        pieces = _split(sql, place, demand)
        texts = {server: _RENDER[server](pieces) for server in SERVERS}
    return SqlRequest(place, texts, _rows_max(part))


def _rows_max(part: Mapping[str, object]) -> int:
    if part.get("first") is True:
        return 1
    limit = part.get("limit", ROWS_MAX)
    return limit + 1 if isinstance(limit, int) else ROWS_MAX + 1


def _servers(sql: Mapping[str, object], place: str) -> list[str]:
    for server in sql:
        if server not in SERVERS:
            raise ProfileError(f"{place}.{server} is not known: write {' or '.join(SERVERS)}")
    if not sql:
        raise ProfileError(f"{place} is empty: write a SELECT statement")
    return list(sql)


def _split(sql: object, place: str, demand: Demand) -> list[_Piece]:
    """Return the statement's pieces, without comments, checked to be what is demanded."""
    if not isinstance(sql, str) or not sql.strip():
        raise ProfileError(f"{place} is missing: write a SELECT statement")
    if len(sql) > STATEMENT_MAX_CHARACTERS:
        raise ProfileError(
            f"{place} has {len(sql)} characters: write {STATEMENT_MAX_CHARACTERS} at most"
        )
    pieces = list(_pieces(sql.strip().removesuffix(";").rstrip(), place))
    demand(pieces, place)
    return pieces


def _pieces(sql: str, place: str) -> Iterator[_Piece]:
    for token in _TOKEN.finditer(sql):
        kind, text = token.lastgroup, token.group()
        if kind == "comment":
            # The line breaks stay: a server counts lines in its errors.
            yield _Piece(" " + "\n" * text.count("\n"))
        elif kind == "name":
            yield _Piece("", text[1:])
        elif kind == "quoted":
            yield _quoted(text, place)
        elif kind == "other":
            yield _other(text, sql[token.start() :], place)
        else:
            yield _Piece(text)


def _quoted(text: str, place: str) -> _Piece:
    if text[0] == "'" and text.endswith("\\'"):
        # The end for PostgreSQL, a quote within the text for MariaDB.
        raise ProfileError(f"{place} has \\ before a quote: write '' for a quote within a text")
    return _Piece(text)


def _other(text: str, rest: str, place: str) -> _Piece:
    mend = _REFUSED_CHARACTERS.get(text)
    if rest.startswith(":="):
        mend = "assigns by :=, which is no read"
    elif rest.startswith("/*"):
        mend = "has a comment that does not end, holds another, or is run (/*!): take it out"
    elif rest.startswith("--"):
        mend = "has -- without a blank behind it, which only PostgreSQL takes for a comment"
    elif not text.isprintable():
        mend = f"holds the character {text!a}: take it out"
    if mend:
        raise ProfileError(f"{place} {mend}")
    return _Piece(text)


def _words(pieces: list[_Piece]) -> list[str]:
    return [piece.text.lower() for piece in pieces if piece.text[:1].isalpha()]


def _demand_insert(pieces: list[_Piece], place: str) -> None:
    words = _words(pieces)
    if words[:1] != ["insert"] or "into" not in words:
        raise ProfileError(f"{place} is no INSERT: begin with INSERT INTO")
    for word in words:
        if word in _NOT_INSERTING or words.count("insert") > 1:
            raise ProfileError(f"{place} has {word.upper()}: write one INSERT and no more")


def _demand_read(pieces: list[_Piece], place: str) -> None:
    words = _words(pieces)
    first = next((piece.text for piece in pieces if piece.text.strip(" \t\r\n(")), "")
    if first.lower() not in ("select", "with"):
        _refuse(place, first or "nothing", "begin with SELECT, or WITH ... SELECT")
    if "select" not in words:
        _refuse(place, first, "write a SELECT behind it")
    for word in words:
        if word in _WRITING:
            _refuse(place, word.upper(), 'put a column of this name in quotes ("..."), or read')
    spaced = " ".join(words)
    if _LOCKING.search(spaced) and ("for" in words or "lock" in words):
        _refuse(place, "a lock (FOR SHARE)", "take it away")


def _refuse(place: str, what: str, mend: str) -> NoReturn:
    raise ProfileError(f"{place} has {ascii(what)[1:41].rstrip(chr(39))}, which is no read: {mend}")


def _for_postgresql(pieces: list[_Piece]) -> Text:
    names: list[str] = []
    parts = []
    for piece in pieces:
        if not piece.name:
            parts.append(piece.text)
            continue
        if piece.name not in names:
            names.append(piece.name)
        parts.append(f"${names.index(piece.name) + 1}")
    return Text("".join(parts), tuple(names))


def _for_mariadb(pieces: list[_Piece]) -> Text:
    # The driver puts the values in by Python's % operator.
    parts = ["%s" if piece.name else piece.text.replace("%", "%%") for piece in pieces]
    return Text("".join(parts), tuple(piece.name for piece in pieces if piece.name))


_RENDER = {"postgresql": _for_postgresql, "mariadb": _for_mariadb}
