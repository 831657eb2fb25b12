"""An event as it is written down and published: a CloudEvents 1.0 envelope in JSON.

`write` makes the envelope when an event is told; its id never changes again, so that whoever
gets it twice can tell. `read` takes it from a line of a spool. The number of the event within
its call, `sequence`, is given by the outbox, which sees the events of all processes.
Source: CloudEvents 1.0.2, "JSON Event Format"; extension "sequence".
"""

from __future__ import annotations

import dataclasses
import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from dialplan.reasons import Reason
from erp.events.errors import UnreadableEvent
from erp.events.model import CallEvent, CallIds, Ended, Escalated, Health, Transferred

VERSION = 1
"""Of the data. A field may be added without a new one; none changes its meaning or goes."""

DATA_SCHEMA = f"urn:orderline:call-event:{VERSION}"
TYPE_PREFIX = "orderline.call."
HEALTH = "orderline.health"
TEXT_MAX_CHARS = 2000
"""Longest text of a field; what is longer is cut off."""

LINE_MAX_BYTES = 64 * 1024
"""Longest line of a spool, its line break included."""

SEQUENCE_DIGITS = 10
"""A sequence is ordered as text: zeros before it."""

_encode = json.JSONEncoder(separators=(",", ":")).encode
"""Plain ASCII, so that no reader can be wrong about the encoding."""

KEY_MAX_CHARS = 64
SOURCE_MAX_CHARS = 255


@dataclass(frozen=True)
class Envelope:
    """One event, with what the outbox must know of it."""

    id: str
    type: str
    session: str
    source: str
    time: datetime
    document: Mapping[str, Any] = dataclasses.field(repr=False)
    """The whole of it, as it is published."""

    @property
    def data(self) -> Mapping[str, Any]:
        """The ids of the call and the fields of the event."""
        data: Mapping[str, Any] = self.document["data"]
        return data

    def numbered(self, number: int) -> Envelope:
        """Return it with its place within the call, from 1 on."""
        sequence = f"{number:0{SEQUENCE_DIGITS}d}"
        return replace(self, document={**self.document, "sequence": sequence})

    @property
    def text(self) -> str:
        """The document as JSON."""
        return _encode(self.document)


def type_of(event: CallEvent | type[CallEvent]) -> str:
    """Return the type under which an event is published."""
    return HEALTH if event.type == Health.type else TYPE_PREFIX + event.type


CALL_BACK = "callback"
"""The way of what happens when a call-back is dialled: long after its call, and no part of it."""


def key_of(ids: CallIds, event: CallEvent) -> str:
    """Return the id of an event that several processes tell; empty when only one can.

    Of two bridges each tells the rescue that it sees, and who takes the spool of a dead process
    over tells the end of its calls as well: all of them mean one event, which has one id.
    """
    if isinstance(event, Ended) and event.reason == Reason.VOICE_LOST.value:
        what = "lost"
    elif isinstance(event, Escalated) and event.reason == Reason.VOICE_LOST.value:
        what = "rescued"
    elif isinstance(event, Transferred) and event.way != CALL_BACK:
        what = f"transferred:{event.way}:{event.human}"
    else:
        return ""
    named = f"urn:orderline:{ids.session}:{what}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, named)) if ids.session else ""


def write(
    ids: CallIds, event: CallEvent, source: str, *, key: str = "", now: datetime | None = None
) -> Envelope:
    """Put an event into its envelope.

    key: its id, where the same event may be told again after a crash; none: `key_of`, or new.
    now: aware; the present time when it is left out.
    """
    now = now or datetime.now(timezone.utc)
    session = ids.session[:KEY_MAX_CHARS]
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": key or key_of(ids, event) or str(uuid.uuid4()),
        "source": source[:SOURCE_MAX_CHARS],
        "type": type_of(event),
        "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": DATA_SCHEMA,
        "data": {**_fields(ids), **_fields(event)},
    }
    if session:
        document["subject"] = session
    return Envelope(
        document["id"], document["type"], session, document["source"], now, document
    )


def _fields(value: CallIds | CallEvent) -> dict[str, Any]:
    return {name: _plain(content) for name, content in vars(value).items()}


def _plain(value: Any) -> Any:
    if type(value) is str:
        return value[:TEXT_MAX_CHARS]
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, str):
        return value[:TEXT_MAX_CHARS]
    if isinstance(value, float) and not math.isfinite(value):
        return 0.0
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    return value


def read(line: bytes) -> Envelope:
    """Read what `write` made, and a spool kept. Raises UnreadableEvent."""
    if len(line) > LINE_MAX_BYTES:
        raise UnreadableEvent(f"it has {len(line)} bytes")
    try:
        document = json.loads(line)
        envelope = Envelope(
            _text(document, "id", KEY_MAX_CHARS),
            _text(document, "type", KEY_MAX_CHARS),
            _text(document, "subject", KEY_MAX_CHARS) if "subject" in document else "",
            _text(document, "source", SOURCE_MAX_CHARS),
            _time(document),
            document,
        )
        if not isinstance(document["data"], dict):
            raise UnreadableEvent("it has no data")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnreadableEvent(f"{type(error).__name__} in it") from error
    return envelope


def _text(document: Mapping[str, Any], key: str, max_chars: int) -> str:
    value = document[key]
    if not isinstance(value, str) or not 0 < len(value) <= max_chars or not value.isprintable():
        raise UnreadableEvent(f"its {key} is none")
    return value


def _time(document: Mapping[str, Any]) -> datetime:
    # Before Python 3.11 `fromisoformat` knows no Z.
    time = datetime.fromisoformat(document["time"].replace("Z", "+00:00"))
    if time.tzinfo is None:
        raise UnreadableEvent("its time has no zone")
    return time
