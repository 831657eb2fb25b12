"""Gives memory that calls have freed back to the system.

The decoder's large blocks leave gaps in the C heap that glibc keeps: some 3 MB a call, for ever.
Source: malloc_trim(3). It runs in a thread; a C library without it is left alone.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc

EVERY_S = 30.0
"""Seconds between two times."""


def give_back() -> bool:
    """Return what is free to the system; tell whether the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(0)
    return True


async def keep_small(every_s: float = EVERY_S) -> None:
    """Give memory back again and again, until cancelled or until it can't be done."""
    while True:
        await asyncio.sleep(every_s)
        gc.collect(1)
        if not await asyncio.to_thread(give_back):
            return
