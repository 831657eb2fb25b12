"""Keeps memory small and the collector's pauses short while calls come and go.

What the start has made (the models' tables, the grammars, the modules: some 650,000 objects) stays
to the end. A full collection that looks through it all holds every call for 0.1 s, five packets
of RTP; so it is taken out of the collector's sight once, and a full collection is a matter of
milliseconds. Then what calls have freed goes back to the system: glibc keeps the gaps otherwise.
Source: the Python documentation of `gc.freeze`; malloc_trim(3). The trimming runs in a thread; a
C library without it is left alone.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc

EVERY_S = 30.0
"""Seconds between two times."""


def settle() -> None:
    """Take all objects that there are out of later collections. Called when the start is over."""
    gc.collect()
    gc.freeze()


def give_back() -> bool:
    """Return what is free to the system; tell whether the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(0)
    return True


async def keep_small(every_s: float = EVERY_S) -> None:
    """Collect and give memory back again and again, until cancelled."""
    can_give_back = True
    while True:
        await asyncio.sleep(every_s)
        gc.collect()
        if can_give_back:
            can_give_back = await asyncio.to_thread(give_back)
