"""Statements that write: one INSERT, by parameters, and nothing else."""

from __future__ import annotations

import pytest

from erp.connectors.sql.statements import prepare, prepare_write
from erp.profiles.errors import ProfileError

INSERT = "INSERT INTO T (A, B) VALUES (:task_key, :text)"


def test_an_insert_has_places_for_its_values() -> None:
    request = prepare_write({"sql": INSERT}, "operations.create_task.create")
    assert request.texts["postgresql"].text == "INSERT INTO T (A, B) VALUES ($1, $2)"
    assert request.texts["mariadb"].text == "INSERT INTO T (A, B) VALUES (%s, %s)"
    assert request.names == {"task_key", "text"}


@pytest.mark.parametrize(
    "sql",
    [
        f"{INSERT} ON CONFLICT (A) DO NOTHING",
        "INSERT IGNORE INTO T (A) VALUES (:task_key)",
        "INSERT INTO T (A) SELECT :task_key",
    ],
)
def test_what_may_be_inserted(sql: str) -> None:
    assert prepare_write({"sql": sql}, "x").texts


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("SELECT A FROM T", "x.sql is no INSERT: begin with INSERT INTO"),
        ("REPLACE INTO T (A) VALUES (1)", "x.sql is no INSERT: begin with INSERT INTO"),
        ("WITH X AS (SELECT 1) INSERT INTO T SELECT 1", "x.sql is no INSERT"),
        (f"{INSERT} ON CONFLICT (A) DO UPDATE SET B = 1", "x.sql has UPDATE: write one INSERT"),
        (f"{INSERT} ON DUPLICATE KEY UPDATE A = A", "x.sql has UPDATE: write one INSERT"),
        (f"{INSERT}; DELETE FROM T", "x.sql holds more than one statement"),
        ("INSERT INTO T SELECT 1 FROM X WHERE 1 IN (INSERT INTO Y VALUES (1))", "has INSERT"),
        ("", "x.sql is missing"),
    ],
)
def test_what_is_more_than_one_insert_is_refused(sql: str, sentence: str) -> None:
    with pytest.raises(ProfileError) as caught:
        prepare_write({"sql": sql}, "x")
    assert sentence in str(caught.value)


def test_an_insert_gives_no_rows_to_map() -> None:
    with pytest.raises(ProfileError, match="it is read back by `find`"):
        prepare_write({"sql": INSERT, "fields": {"record_id": {"from": "A"}}}, "x")


def test_a_read_is_no_insert_still() -> None:
    with pytest.raises(ProfileError, match="which is no read"):
        prepare({"sql": INSERT}, "x")
