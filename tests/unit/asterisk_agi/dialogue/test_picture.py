from __future__ import annotations

from pathlib import Path

from asterisk_agi.dialogue import picture
from asterisk_agi.dialogue.machine import TABLE

DOCS = Path(__file__).parents[4] / "docs" / "dialogue.rst"


def test_the_page_in_the_docs_is_what_the_table_gives() -> None:
    mend = "run: python -m asterisk_agi.dialogue.picture docs/dialogue.rst"
    assert DOCS.read_text(encoding="utf-8") == picture.page(), mend


def test_every_entry_of_the_table_has_a_row() -> None:
    assert picture.page().count("   * - ") == len(TABLE) + 1


def test_writes_the_page(tmp_path: Path) -> None:
    path = tmp_path / "dialogue.rst"
    assert picture.main([str(path)]) == 0
    assert path.read_text(encoding="utf-8") == picture.page()
