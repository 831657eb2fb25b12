"""Describes the events from their classes: the JSON schema, and the table of the documentation.

As a program it writes both: `python -m erp.events.describe docs/event_types.rst`. The schema is
data of the package, `schema/call-event-1.json`, for whoever takes the events. A test compares the
files with what is made here, so that classes, schema and documentation can't drift.
Source: JSON Schema, draft 2020-12; CloudEvents 1.0.2, "JSON Event Format".
"""

from __future__ import annotations

import dataclasses
import json
import sys
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from erp.events.envelope import (
    DATA_SCHEMA,
    KEY_MAX_CHARS,
    SEQUENCE_DIGITS,
    SOURCE_MAX_CHARS,
    TEXT_MAX_CHARS,
    VERSION,
    type_of,
)
from erp.events.model import CallEvent, CallIds
from erp.field_texts import field_texts

SCHEMA_FILE = Path(__file__).with_name("schema") / f"call-event-{VERSION}.json"

KINDS: tuple[type[Any], ...] = typing.get_args(CallEvent)

_JSON: Mapping[Any, dict[str, Any]] = {
    str: {"type": "string", "maxLength": TEXT_MAX_CHARS},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
}

_ENVELOPE: Mapping[str, dict[str, Any]] = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "minLength": 1, "maxLength": KEY_MAX_CHARS},
    "source": {"type": "string", "pattern": "^orderline/", "maxLength": SOURCE_MAX_CHARS},
    "type": {"enum": [type_of(kind) for kind in KINDS]},
    "subject": {"type": "string", "minLength": 1, "maxLength": KEY_MAX_CHARS},
    "time": {"type": "string", "format": "date-time", "pattern": "Z$"},
    "datacontenttype": {"const": "application/json"},
    "dataschema": {"const": DATA_SCHEMA},
    "sequence": {"type": "string", "pattern": f"^[0-9]{{{SEQUENCE_DIGITS}}}$"},
    "data": {"type": "object"},
}


def schema() -> dict[str, Any]:
    """Return the JSON schema of an event as it is published."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": DATA_SCHEMA,
        "title": "An event of Orderline",
        "type": "object",
        "properties": dict(_ENVELOPE),
        "required": [name for name in _ENVELOPE if name not in ("subject", "sequence")],
        "additionalProperties": False,
        "allOf": [_when(kind) for kind in KINDS],
        "$defs": {type_of(kind): _data(kind) for kind in KINDS},
    }


def _when(kind: type[Any]) -> dict[str, Any]:
    name = type_of(kind)
    return {
        "if": {"properties": {"type": {"const": name}}},
        "then": {"properties": {"data": {"$ref": f"#/$defs/{name}"}}},
    }


def _data(kind: type[Any]) -> dict[str, Any]:
    properties = dict((*_fields(CallIds), *_fields(kind)))
    return {
        "description": str(kind.__doc__).splitlines()[0],
        "type": "object",
        "properties": properties,
        # A consumer must bear fields that are added later; ours are all there.
        "required": list(properties),
    }


def _fields(kind: type[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    hints = typing.get_type_hints(kind)
    texts = field_texts(kind)
    for field in dataclasses.fields(kind):
        text = " ".join(texts.get(field.name, "").split())
        yield field.name, {**_json(hints[field.name]), **({"description": text} if text else {})}


def _json(hint: Any) -> dict[str, Any]:
    if typing.get_origin(hint) is not None:
        inner = _json(typing.get_args(hint)[1])
        return {"type": "object", "additionalProperties": inner}
    return dict(_JSON[hint])


def schema_text() -> str:
    """Return the schema as its file holds it."""
    return json.dumps(schema(), indent=2) + "\n"


PAGE = """\
Types and fields of the events
==============================

.. This page is made by ``python -m erp.events.describe``; do not edit it.

Every event of a call has these ids in its ``data``:

"""


def page() -> str:
    """Return the page of the documentation: each type, its fields and what they mean."""
    parts = [PAGE + _table(CallIds)]
    for kind in KINDS:
        title = f"``{type_of(kind)}``"
        text = str(kind.__doc__).splitlines()[0]
        parts.append(f"{title}\n{'-' * len(title)}\n\n{text}\n\n{_table(kind)}")
    return "\n".join(parts)


def _table(kind: type[Any]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 15 15 70", ""]
    lines += _row("Field", "Type", "Meaning")
    for name, about in _fields(kind):
        lines += _row(f"``{name}``", str(about["type"]), about.get("description", ""))
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> list[str]:
    return [f"   {'*' if n == 0 else ' '} - {cell}".rstrip() for n, cell in enumerate(cells)]


def main(arguments: list[str]) -> int:
    """Write the schema into the package, and the page to the path that is given."""
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    Path(arguments[0]).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
