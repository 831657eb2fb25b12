"""A table of text, its columns as wide as they need, numbers at the right."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table: a head, a rule, the rows; no blanks at the ends of lines."""
    columns = list(zip(head, *rows, strict=True))
    shapes = [(max(map(len, column)), all(map(_is_number, column[1:]))) for column in columns]
    lines = [head, ["-" * width for width, _ in shapes], *rows]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, (width, number) in zip(line, shapes, strict=True)
        ).rstrip()
        for line in lines
    )


def _is_number(cell: str) -> bool:
    return cell.replace(".", "", 1).isdigit()
