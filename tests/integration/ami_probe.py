"""A few lines of AMI of the tests' own, so that they do not test the product by the product."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Message = dict[str, str]
WIRE_TIMEOUT_S = 10.0


class AmiProbe:
    """One AMI connection, read and written message by message."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._lines = wire.makefile("rb")
        self._events: list[Message] = []
        self.greeting = self._lines.readline().decode().strip()

    @property
    def kept(self) -> tuple[Message, ...]:
        """The events that came in so far, and that nobody asked for."""
        return tuple(self._events)

    def close(self) -> None:
        """Give the file back."""
        self._lines.close()

    def ask(self, name: str, **headers: str) -> Message:
        """Send an action and return its response; events in between are kept."""
        lines = [f"Action: {name}", "ActionID: probe", *(f"{k}: {v}" for k, v in headers.items())]
        self._wire.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while True:
            message = self._message()
            if "Event" not in message:  # OriginateResponse is an event with a Response
                return message
            self._events.append(message)

    def event(self, wanted: Callable[[Message], bool]) -> Message:
        """Return the first event, from now or kept, for which wanted is true."""
        while True:
            for position, message in enumerate(self._events):
                if wanted(message):
                    del self._events[position]
                    return message
            self._events.append(self._message())

    def _message(self) -> Message:
        message: Message = {}
        while line := self._lines.readline().decode():
            if line == "\r\n":
                return message
            name, _, value = line.rstrip("\r\n").partition(": ")
            message[name] = value
        raise ConnectionError("Asterisk closed the AMI connection")


@contextmanager
def ami_probe(access: dict[str, Any]) -> Iterator[AmiProbe]:
    """Connect and log in; access: the `ami` object of `lab-status`."""
    with socket.create_connection((access["host"], access["port"]), WIRE_TIMEOUT_S) as wire:
        probe = AmiProbe(wire)
        try:
            answer = probe.ask("Login", Username=access["user"], Secret=access["secret"])
            if answer["Response"] != "Success":
                raise PermissionError(answer.get("Message", "refused"))
            yield probe
        finally:
            probe.close()
