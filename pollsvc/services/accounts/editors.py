"""Editors: adding them, their passwords and roles; each change in the audit log."""

from collections.abc import Mapping
from unicodedata import category, normalize

from pollsvc.domain.clock import Clock
from pollsvc.domain.editor import Editor, Role
from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.log import COMMAND_LINE, Act, Actor
from pollsvc.services.accounts.failures import charge
from pollsvc.services.accounts.passwords import Passwords, check_password, random_password
from pollsvc.services.ids import new_id
from pollsvc.storage import accounts as store
from pollsvc.storage import log
from pollsvc.storage.database import Connection

LONGEST_NAME = 100
"""Characters of a name."""

_NOT_IN_NAMES = {"Cc", "Cs", "Cn", "Co", "Cf", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # Persian and Indic names are written with them


class Accounts:
    """Work on editors, on a connection that nobody else uses meanwhile. Bad input raises PollError.

    An editor is meant by name or id; one that is not there raises `not_found`.
    """

    def __init__(
        self, connection: Connection, clock: Clock, passwords: Passwords, actor: Actor = COMMAND_LINE
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._passwords = passwords
        self._actor = actor

    async def all(self) -> list[Editor]:
        """All editors, by name, disabled ones too."""
        return await store.list_editors(self._connection)

    async def get(self, name: str) -> Editor:
        """The editor of this name or id."""
        known = folded_name(name)
        found = await store.load_editor(self._connection, known) if is_name(known) else None
        if found is None:
            raise PollError(
                Code.NOT_FOUND, f"There is no editor named {name!r}; look at the list of editors."
            )
        return found

    async def add_editor(self, name: str, role: Role, password: str | None = None) -> tuple[Editor, str]:
        """Add an editor; without a password a random one is made. Returns the editor and the password."""
        known = check_name(name)
        chosen = random_password() if password is None else check_password(password, known)
        hashed = await self._passwords.hash(chosen)
        now = int(self._clock())
        editor = Editor(id=new_id(10), name=known, role=role, created_at=now, disabled=False)
        async with log.editing(self._connection):
            if not await store.insert_editor(self._connection, editor, hashed):
                raise bad(f"There is an editor named {known!r} already; choose another name.", "name")
            await self._log("add", editor, {}, {"name": known, "role": role.value}, now)
        return editor, chosen

    async def set_password(
        self, name: str, password: str | None = None, keep: str = ""
    ) -> tuple[Editor, str]:
        """Give an editor a new password, a random one if none is given; returns the editor and the password.

        All of the editor's sessions end but the one whose id is `keep`, and so does a wait after failures
        to sign in.
        """
        editor = await self.get(name)
        chosen = random_password() if password is None else check_password(password, editor.name)
        hashed = await self._passwords.hash(chosen)
        now = int(self._clock())
        async with log.editing(self._connection):
            await store.update_password(self._connection, editor.id, hashed)
            ended = await store.delete_sessions(self._connection, editor.id, but=keep)
            await self._log("password", editor, {}, {"sessions_ended": ended}, now)
        return editor, chosen

    async def change_own_password(self, editor: Editor, old: str, new: str, keep: str) -> None:
        """Set an editor's password once the old one is known to be right; see `set_password`.

        Raises `slow_down` after too many wrong ones: who found an open session may not try for ever.
        """
        account = await charge(self._connection, editor.name, int(self._clock()))
        verified = await self._passwords.verify(account.password if account else None, old)
        if not verified.right:
            raise bad("That is not your present password; enter it again.", "old")
        await self.set_password(editor.id, new, keep)

    async def set_role(self, name: str, role: Role) -> Editor:
        """Give an editor another role. Raises `not_possible_now` for the last admin."""
        now = int(self._clock())
        async with log.editing(self._connection):
            editor = await self.get(name)
            if editor.role is Role.ADMIN and role is not Role.ADMIN:
                await self._keep_an_admin(editor)
            await store.update_role(self._connection, editor.id, role)
            if editor.role is not role:
                await self._log("role", editor, {"role": editor.role.value}, {"role": role.value}, now)
        return await self.get(editor.id)

    async def disable(self, name: str) -> Editor:
        """Let an editor sign in no more; their sessions end. Raises `not_possible_now` for the last admin."""
        now = int(self._clock())
        async with log.editing(self._connection):
            editor = await self.get(name)
            if editor.role is Role.ADMIN:
                await self._keep_an_admin(editor)
            await store.delete_sessions(self._connection, editor.id)
            if not editor.disabled:
                await store.update_disabled(self._connection, editor.id, now)
                await self._log("disable", editor, {"disabled": False}, {"disabled": True}, now)
        return await self.get(editor.id)

    async def enable(self, name: str) -> Editor:
        """Let a disabled editor sign in again, with the password of before."""
        now = int(self._clock())
        async with log.editing(self._connection):
            editor = await self.get(name)
            if editor.disabled:
                await store.update_disabled(self._connection, editor.id, None)
                await self._log("enable", editor, {"disabled": True}, {"disabled": False}, now)
        return await self.get(editor.id)

    async def _keep_an_admin(self, leaving: Editor) -> None:
        if not leaving.disabled and await store.count_admins(self._connection) == 1:
            raise PollError(
                Code.NOT_POSSIBLE_NOW,
                f"{leaving.name} is the last admin who can sign in; make somebody else an admin first.",
            )

    async def _log(
        self,
        what: str,
        editor: Editor,
        before: Mapping[str, object],
        after: Mapping[str, object],
        now: int,
    ) -> None:
        act = Act(self._actor, f"editor.{what}", f"editor:{editor.id}", before, after)
        await log.append(self._connection, act, now)


def folded_name(name: str) -> str:
    """A name as it is kept and compared: NFKC, lower case, single spaces."""
    return " ".join(normalize("NFKC", normalize("NFKC", name).lower()).split())


def is_name(folded: str) -> bool:
    """Whether an editor can have this name: not too long, and only of characters that are seen."""
    unseen = (category(char) in _NOT_IN_NAMES and char not in _JOINERS for char in folded)
    return 1 <= len(folded) <= LONGEST_NAME and not any(unseen)


def check_name(name: str) -> str:
    """The name, folded, if an editor can have it. Raises PollError `bad_request`."""
    known = folded_name(name)
    if not is_name(known):
        raise bad(
            f"A name has 1 to {LONGEST_NAME} characters, all of them to be seen; choose another.", "name"
        )
    return known
