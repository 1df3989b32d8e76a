"""Looking at sessions again and again, one look for all sockets of a session.

A look reads afresh whether the session still opens anything, the rights of who is behind it and
how much that person may see. A hint makes the next one sooner (console.live.hints).
"""

import asyncio
import contextlib
import math
import random
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from django.db import DatabaseError

from console.access.revocation import RightsMark, rights_mark
from console.access.sessions import Standing, person_of_key
from console.access.visible import Sight, sight_read
from console.live.hints import hints

SIGNED_OUT = 4403
UNCHECKED = 4408
RIGHTS_CHANGED = 4410

CHECK_EVERY_S = 4.0
"""The longest between two looks at a session, so that none outlives its end by five seconds."""
UNCHECKED_S = 60.0

Mark = tuple[RightsMark, Sight]
"""A change of either ends the socket: the page opens it anew, and sees no more than it may."""


async def look(session_key: str) -> Mark | None:
    """None when it opens nothing (any more). Raises db.Error."""
    return await database_sync_to_async(_mark_of)(session_key) if session_key else None


def _mark_of(session_key: str) -> Mark | None:
    person = person_of_key(session_key)
    if person.standing is not Standing.FACTOR or person.user is None:
        return None
    return rights_mark(person.user), sight_read(person.name)


class Watch:
    """Of one session, while a socket of it is open. Belongs to one event loop."""

    def __init__(self, session_key: str, username: str) -> None:
        self._key = session_key
        self._hinted = hints().join(username)
        self.begun = 0
        self._last: tuple[int, Mark | DatabaseError | None] = (0, None)
        self._next: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._known_at = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._run())
        self.sockets = 0

    async def refusal(self, mark: Mark, since: int) -> int:
        """Waits until a socket that was opened with ``mark`` may see no more; the code says why.

        ``since``: how many looks had begun when it joined; those knew less than it does.
        """
        while True:
            number, found = self._last
            code = self._judged(found, mark) if number > since else 0
            if code:
                return code
            await asyncio.shield(self._next)

    def _judged(self, found: Mark | DatabaseError | None, mark: Mark) -> int:
        if isinstance(found, DatabaseError):
            # Watching goes on without the database for a while: it is when it matters most.
            unknown_s = asyncio.get_running_loop().time() - self._known_at
            return UNCHECKED if unknown_s > UNCHECKED_S else 0
        if found is None:
            return SIGNED_OUT
        return 0 if found == mark else RIGHTS_CHANGED

    async def _run(self) -> None:
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    pause = CHECK_EVERY_S * random.uniform(0.8, 1.0)
                    await asyncio.wait_for(self._hinted.wait(), pause)
                self._hinted.clear()
                await self._look()
        finally:  # nobody looks any more: whatever ended it, its sockets are not watched
            self._known_at = -math.inf
            self._tell(self.begun + 1, DatabaseError("not watched"))

    async def _look(self) -> None:
        self.begun += 1
        try:
            found: Mark | DatabaseError | None = await look(self._key)
            self._known_at = asyncio.get_running_loop().time()
        except DatabaseError as error:
            found = error
        self._tell(self.begun, found)

    def _tell(self, number: int, found: Mark | DatabaseError | None) -> None:
        self._last = (number, found)
        told, self._next = self._next, asyncio.get_running_loop().create_future()
        told.set_result(None)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await hints().leave(self._hinted)


class Watches:
    """Those of one event loop, by session."""

    def __init__(self) -> None:
        self._known: dict[str, Watch] = {}

    def join(self, session_key: str, username: str) -> Watch:
        """Call it before the first look, so that nothing changes unseen between that and a hint."""
        watch = self._known.get(session_key)
        if watch is None:
            watch = self._known[session_key] = Watch(session_key, username)
        watch.sockets += 1
        return watch

    async def leave(self, session_key: str) -> None:
        """The last one out ends the watch."""
        watch = self._known[session_key]
        watch.sockets -= 1
        if not watch.sockets:
            del self._known[session_key]
            await watch.end()


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, Watches] = WeakKeyDictionary()


def watches() -> Watches:
    """Those of the running event loop."""
    loop = asyncio.get_running_loop()
    known = _watches.get(loop)
    if known is None:
        known = _watches[loop] = Watches()
    return known
