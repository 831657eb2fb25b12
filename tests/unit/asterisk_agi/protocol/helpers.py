"""Small helpers for the tests of the AGI core: wire files, and a core fed in any pieces."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from asterisk_agi.errors import AgiPeerError
from asterisk_agi.protocol import NEED_DATA, Command, Ended, Event, PreludeRead, Session

WIRE = Path(__file__).with_name("wire")

PRELUDE = b"agi_channel: PJSIP/line-1\nagi_uniqueid: 17.1\n\n"

Outcome = Event | str
"""An event, or the sentence with which the core refused."""


def wire(name: str) -> bytes:
    return WIRE.joinpath(name).read_bytes()


def drain(session: Session) -> list[Outcome]:
    """Take every event that there is now."""
    outcomes: list[Outcome] = []
    while True:
        try:
            event = session.next_event()
        except AgiPeerError as error:
            outcomes.append(str(error))
            continue
        if event is NEED_DATA:
            return outcomes
        assert not isinstance(event, type(NEED_DATA))
        outcomes.append(event)
        if isinstance(event, Ended):
            return outcomes


def ready_session() -> Session:
    """A session behind its prelude."""
    session = Session()
    session.receive_data(PRELUDE)
    assert isinstance(session.next_event(), PreludeRead)
    return session


def feed(session: Session, pieces: Iterable[bytes], *, eof: bool = True) -> list[Outcome]:
    """Feed pieces one by one, and the end of file; return all events."""
    outcomes: list[Outcome] = []
    for piece in pieces:
        session.receive_data(piece)
        outcomes += drain(session)
    if eof:
        session.receive_eof()
        outcomes += drain(session)
    return outcomes


def in_flight(command: Command | None = None) -> Session:
    """A session with one command in flight."""
    session = ready_session()
    session.send(command or Command("EXEC", ("Dial", "x")))
    return session


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]
