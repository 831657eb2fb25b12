"""The connections of one database: so many at most, kept open, and none of them doubtful.

A session that comes back unsure (after a cancellation, a broken answer) is mended in the background
or closed; nobody waits for it, and nobody is given it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from erp.connectors.bounded import Bounded, together
from erp.connectors.sql.session import Asked, Driver, Session
from erp.deadline import Deadline
from erp.errors import ErpError
from erp.trace import Trace

_log = logging.getLogger(__name__)

MEND_S = 1.0
"""Seconds in which a connection must be mended, or take its leave."""


class Pool:
    """Sessions of one system. Belongs to one event loop."""

    def __init__(self, system: str, driver: Driver, size: int) -> None:
        self._system = system
        self._driver = driver
        self._size = size
        self._free = size
        self._places = asyncio.Semaphore(size)
        self._idle: list[Session] = []
        self._bounded = Bounded()
        self._menders: set[asyncio.Task[None]] = set()
        self._closed = False

    async def take(
        self, operation: str, trace: Trace | None = None, fresh: bool = False
    ) -> tuple[Session, bool]:
        """Return a session, and whether it has been used before. Give it back in any case.

        fresh: a new one, for the old ones may be dead. Raises ErpError.
        """
        await self._enter()
        try:
            if fresh:
                self.forget()
            while self._idle:
                session = self._idle.pop()  # the one used last: the others may rest
                if session.usable:
                    return session, True
                session.abort()
            return await self._connect(operation, trace), False
        except BaseException:
            self._leave()
            raise

    def give(self, session: Session) -> None:
        """Take a session back, whatever has become of it."""
        if self._closed:
            session.abort()  # nobody would ever close it
            self._leave()
            return
        if session.sure and session.usable:
            self._idle.append(session)
            self._leave()
            return
        task = asyncio.get_running_loop().create_task(self._mend(session), name="sql mend")
        self._menders.add(task)
        task.add_done_callback(self._menders.discard)

    def forget(self) -> None:
        """Close the sessions that wait for work: they may be dead."""
        while self._idle:
            self._idle.pop().abort()

    async def fill(self, operation: str, trace: Trace | None = None) -> None:
        """Open the connections that are missing: the first one alone, then the others at once.

        trace: where the hops of the first one are noted. Raises ErpError when there is none in the
        end; else it is logged that some are missing.
        """
        if self._menders:
            await asyncio.wait(tuple(self._menders))  # they hold places
        if not self._idle and self._free == self._size:
            # A wrong password is tried once, not eight times.
            self.give((await self.take(operation, trace, fresh=True))[0])
        missing = self._free - len(self._idle)
        if missing > 0:
            loop = asyncio.get_running_loop()
            await together(
                [
                    loop.create_task(self._add(operation), name=f"sql connect {place}")
                    for place in range(missing)
                ]
            )

    async def greet(self, operation: str, role: str, texts: Iterable[str]) -> None:
        """Greet every session that waits for work; close those that don't answer."""
        texts = tuple(texts)
        for session in tuple(self._idle):
            await self._enter()
            if session not in self._idle:
                self._leave()  # it has got work meanwhile
                continue
            self._idle.remove(session)
            try:
                with self._driver.seam(Asked(self._system, operation)):
                    await session.greet(role, texts)
            except ErpError as error:
                _log.info("a connection is closed: %s", error)
            finally:
                self.give(session)

    async def close(self) -> None:
        """Close all sessions that are not in use, and wait for those that are being mended.

        One that is in use is closed when it is given back.
        """
        self._closed = True
        while self._menders:
            await asyncio.wait(tuple(self._menders))
        while self._idle:
            await self._dismiss(self._idle.pop())
        await self._bounded.close()
        await asyncio.sleep(0)  # transports close in the loop's next round

    # Places

    async def _enter(self) -> None:
        await self._places.acquire()
        self._free -= 1

    def _leave(self) -> None:
        self._free += 1
        self._places.release()

    # Sessions

    async def _connect(self, operation: str, trace: Trace | None) -> Session:
        with self._driver.seam(Asked(self._system, operation)):
            return await self._driver.connect(trace)

    async def _add(self, operation: str) -> None:
        await self._enter()
        try:
            self._idle.append(await self._connect(operation, None))
        except ErpError as error:
            _log.warning("one connection less than wanted: %s", error)
        finally:
            self._leave()

    async def _mend(self, session: Session) -> None:
        try:
            if await self._mended(session):
                self._idle.append(session)
            else:
                session.abort()
        finally:
            self._leave()

    async def _mended(self, session: Session) -> bool:
        try:
            with self._driver.seam(Asked(self._system, "mend")):
                mended = await self._bounded.run("sql mending", session.mend(), _soon())
        except (ErpError, asyncio.TimeoutError) as error:
            _log.debug("a connection can't be mended: %s", error)
            return False
        return mended and session.sure and session.usable

    async def _dismiss(self, session: Session) -> None:
        try:
            with self._driver.seam(Asked(self._system, "close")):
                await self._bounded.run("sql leave", session.close(), _soon())
        except (ErpError, asyncio.TimeoutError) as error:
            _log.debug("a connection is closed without a word: %s", error)
            session.abort()
        except asyncio.CancelledError:
            session.abort()  # nobody else knows it any more
            raise


def _soon() -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), MEND_S)
