"""Statements: parameters are found where they are, and nothing but a read gets through."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.connectors.sql.statements import (
    ROWS_MAX,
    STATEMENT_MAX_CHARACTERS,
    SqlRequest,
    prepare,
)
from erp.profiles.errors import ProfileError


def made(sql: object, **keys: object) -> SqlRequest:
    return prepare({"sql": sql, **keys}, "operations.x.y")


def postgresql(sql: str) -> tuple[str, tuple[str, ...]]:
    text = made(sql).texts["postgresql"]
    return text.text, text.names


def mariadb(sql: str) -> tuple[str, tuple[str, ...]]:
    text = made(sql).texts["mariadb"]
    return text.text, text.names


def test_names_become_places_and_a_name_twice_is_one_value_for_postgresql() -> None:
    sql = "SELECT A FROM T WHERE B = :b AND C > :c AND D = :b"
    assert postgresql(sql) == ("SELECT A FROM T WHERE B = $1 AND C > $2 AND D = $1", ("b", "c"))
    assert mariadb(sql) == ("SELECT A FROM T WHERE B = %s AND C > %s AND D = %s", ("b", "c", "b"))


def test_a_name_of_an_earlier_part_has_a_dot() -> None:
    assert postgresql("SELECT A FROM T WHERE B = :order.record_id") == (
        "SELECT A FROM T WHERE B = $1",
        ("order.record_id",),
    )
    assert made("SELECT 1").names == frozenset()
    assert made("SELECT :a, :b.c").names == {"a", "b.c"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ':no' FROM T",
        "SELECT 'it''s :no' FROM T",
        'SELECT ":no" FROM T',
        "SELECT `:no` FROM T",
        "SELECT A::text FROM T",
        "SELECT A[1:2] FROM T",
        "SELECT A FROM T WHERE B LIKE 'x\\_%'",
    ],
)
def test_a_colon_elsewhere_is_no_name(sql: str) -> None:
    assert postgresql(sql) == (sql, ())


def test_a_cast_behind_a_name_stays_a_cast() -> None:
    assert postgresql("SELECT :a::date") == ("SELECT $1::date", ("a",))


def test_percent_signs_are_doubled_only_for_the_driver_that_formats() -> None:
    assert mariadb("SELECT A % 2 FROM T WHERE B LIKE '%x' AND C = :c")[0] == (
        "SELECT A %% 2 FROM T WHERE B LIKE '%%x' AND C = %s"
    )
    assert "'%x'" in postgresql("SELECT A FROM T WHERE B LIKE '%x'")[0]


def test_comments_go_and_their_lines_stay() -> None:
    sql = "SELECT A -- :no 'here\nFROM T /* :neither\n; DROP */ WHERE B = :b"
    text, names = postgresql(sql)
    assert names == ("b",)
    assert text.count("\n") == sql.count("\n")
    assert "no" not in text
    assert "DROP" not in text


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1;",
        "  select 1  ",
        "WITH a AS (SELECT 1 AS n) SELECT n FROM a",
        "(SELECT 1) UNION (SELECT 2)",
        "-- first\nSELECT 1",
        'SELECT "update", `delete` FROM T',
        "SELECT UPDATED, INSERTS, REPLACE(A, 'x', 'y') FROM T",
        "SELECT SHARE FROM T WHERE SUBSTRING(A FROM 2 FOR 3) = 'x'",
    ],
)
def test_reads_are_taken(sql: str) -> None:
    assert made(sql).texts.keys() == {"postgresql", "mariadb"}


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("", "missing"),
        ("   ;", "begin with SELECT"),
        (None, "missing"),
        (["SELECT 1"], "missing"),
        ("UPDATE T SET A = 1", "no read"),
        ("WITH a AS (DELETE FROM T RETURNING 1) SELECT * FROM a", "DELETE"),
        ("WITH a AS (SELECT 1) INSERT INTO T SELECT * FROM a", "INSERT"),
        ("SELECT A INTO B FROM T", "INTO"),
        ("SELECT A FROM T INTO OUTFILE '/tmp/x'", "INTO"),
        ("SELECT A FROM T FOR UPDATE", "UPDATE"),
        ("SELECT A FROM T FOR NO KEY UPDATE", "UPDATE"),
        ("SELECT A FROM T FOR SHARE", "lock"),
        ("SELECT A FROM T LOCK IN SHARE MODE", "lock"),
        ("SELECT 1; DROP TABLE T", "more than one"),
        ("SELECT 1;;", "more than one"),
        ("SELECT @a := 1", ":="),
        ("SELECT 1 /*!50000 , SLEEP(9) */", "comment"),
        ("SELECT 1 /*M! , SLEEP(9) */", "comment"),
        ("SELECT 1 /* a /* b */ c */", "comment"),
        ("SELECT 1 /* without an end", "comment"),
        ("SELECT 5--3", "blank"),
        ("SELECT 1 # comment", "#"),
        ("SELECT $1", r"\$"),
        ("SELECT $$a$$", r"\$"),
        ("SELECT 'it\\'s'", "before a quote"),
        ("SELECT 'open", "quote"),
        ('SELECT "open', "quote"),
        ("SELECT `open", "quote"),
        ("SELECT 1 \x00", "character"),
        ("VALUES (1)", "begin with SELECT"),
        ("EXPLAIN SELECT 1", "begin with SELECT"),
        ("CALL P()", "begin with SELECT"),
        ("WITH a AS (VALUES (1)) TABLE a", "SELECT"),
    ],
)
def test_all_else_is_refused_with_the_place(sql: object, told: str) -> None:
    with pytest.raises(ProfileError, match=told) as raised:
        made(sql)
    assert str(raised.value).startswith("operations.x.y.sql")


def test_a_text_for_each_server_is_theirs_alone() -> None:
    request = made({"postgresql": "SELECT :a", "mariadb": "SELECT :b"})
    assert request.texts["postgresql"].names == ("a",)
    assert request.texts["mariadb"].names == ("b",)
    assert request.names == {"a", "b"}
    assert made({"mariadb": "SELECT 1"}).texts.keys() == {"mariadb"}


@pytest.mark.parametrize(
    ("sql", "told"),
    [({}, "empty"), ({"oracle": "SELECT 1"}, "oracle"), ({"mariadb": "DROP X"}, "sql.mariadb")],
)
def test_mistakes_in_a_text_for_each_server_are_told(sql: dict[str, str], told: str) -> None:
    with pytest.raises(ProfileError, match=told):
        made(sql)


def test_a_statement_over_the_cap_is_refused() -> None:
    fits = "SELECT 1" + " " * (STATEMENT_MAX_CHARACTERS - 9) + "1"
    assert len(fits) == STATEMENT_MAX_CHARACTERS
    made(fits)
    with pytest.raises(ProfileError, match=str(STATEMENT_MAX_CHARACTERS)):
        made(fits + "1")


def test_one_row_more_than_allowed_is_fetched_so_that_it_shows() -> None:
    assert made("SELECT 1").rows_max == ROWS_MAX + 1
    assert made("SELECT 1", limit=7).rows_max == 8
    assert made("SELECT 1", limit=7, first=True).rows_max == 1
    assert made("SELECT 1", limit="many").rows_max == ROWS_MAX + 1  # told by whoever reads it


PIECES = st.lists(
    st.sampled_from(
        [
            "'a:x'",
            ":one",
            ":two.three",
            "::int",
            "/* :c */",
            "-- :c\n",
            "%",
            "A",
            "7.5",
            "(",
            '":q"',
        ]
    )
)


@settings(max_examples=60)
@given(PIECES)
def test_places_and_names_always_agree(pieces: list[str]) -> None:
    sql = " ".join(["SELECT", *pieces, "1"])
    wanted = [piece[1:] for piece in pieces if piece[0] == ":" and piece[1] != ":"]
    text, names = mariadb(sql)
    assert list(names) == wanted
    assert text % tuple("?" * len(names)) == " ".join(
        ["SELECT", *(_left(piece) for piece in pieces), "1"]
    )
    assert set(postgresql(sql)[1]) == set(wanted)


def _left(piece: str) -> str:
    if piece.startswith(("/*", "--")):
        return " " + "\n" * piece.count("\n")
    return "?" if piece in (":one", ":two.three") else piece
