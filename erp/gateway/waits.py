"""Waits for one thing until a time, with nothing but a future and a timer.

`asyncio.wait` does it too, at twice the cost, and `asyncio.wait_for` may lose a cancellation before
Python 3.12.
"""

from __future__ import annotations

import asyncio

Signal = asyncio.Future[bool]
"""Ends with True when the thing has happened, with False when it was too late."""


def new_signal() -> Signal:
    """Return a signal that has not been given."""
    return asyncio.get_running_loop().create_future()


def give(signal: Signal, happened: bool = True) -> None:
    """Give the signal, unless it was given or nobody waits for it any more."""
    if not signal.done():
        signal.set_result(happened)


async def given(signal: Signal, until_s: float) -> bool:
    """Wait for a signal until a time of the loop's clock; tell whether the thing has happened."""
    timer = asyncio.get_running_loop().call_at(until_s, give, signal, False)
    try:
        return await signal
    finally:
        timer.cancel()
