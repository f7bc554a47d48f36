"""Sessions of editors who are signed in: finding them by the cookie's secret, listing and ending them."""

from pollsvc.domain.clock import Clock
from pollsvc.domain.editor import Editor, Session
from pollsvc.domain.log import SYSTEM, Act, Actor
from pollsvc.services.ids import hash_secret, new_secret
from pollsvc.storage import accounts as store
from pollsvc.storage import log
from pollsvc.storage.database import Connection

IDLE = 12 * 3_600
"""Seconds without a request after which a session is over."""
ABSOLUTE = 7 * 86_400
"""Seconds after signing in when a session is over, however it is used."""
TOUCH = 60
"""Seconds within which a session's use is noted only once."""


class Sessions:
    """Work on sessions, on a connection that nobody else uses meanwhile."""

    def __init__(self, connection: Connection, clock: Clock, actor: Actor = SYSTEM) -> None:
        self._connection = connection
        self._clock = clock
        self._actor = actor

    async def session(self, secret: str) -> Session | None:
        """The session of this secret, if it lasts; its use is noted."""
        session = await store.load_session(self._connection, hash_secret(secret))
        now = int(self._clock())
        if session is None or not lasts(session, now):
            return None
        if now - session.seen_at >= TOUCH:
            await store.touch_session(self._connection, session.id, now)
        return session

    async def of(self, editor: Editor) -> list[Session]:
        """An editor's sessions, the latest used first."""
        now = int(self._clock())
        return [one for one in await store.list_sessions(self._connection, editor.id) if lasts(one, now)]

    async def end(self, editor: Editor, session: str) -> None:
        """End one of an editor's sessions, by its id; harmless when it is over."""
        async with log.editing(self._connection):
            found = await store.load_session(self._connection, session)
            if found is not None and found.editor.id == editor.id:
                await store.delete_session(self._connection, session)
                await self._log(editor, 1)

    async def end_all(self, editor: Editor, but: str = "") -> int:
        """End all of an editor's sessions but the one of this id; how many there were."""
        async with log.editing(self._connection):
            ended = await store.delete_sessions(self._connection, editor.id, but=but)
            if ended:
                await self._log(editor, ended)
        return ended

    async def _log(self, editor: Editor, ended: int) -> None:
        act = Act(self._actor, "editor.sign_out", f"editor:{editor.id}", {}, {"sessions_ended": ended})
        await log.append(self._connection, act, int(self._clock()))


def new_session(editor: Editor, now: int) -> tuple[str, Session]:
    """A session that begins, and its secret, whose hash is its id."""
    secret = new_secret()
    return secret, Session(hash_secret(secret), editor, created_at=now, seen_at=now)


def lasts(session: Session, now: float) -> bool:
    """Whether a session is not over."""
    in_time = now - session.seen_at < IDLE and now - session.created_at < ABSOLUTE
    return in_time and not session.editor.disabled
