"""Signing in: slow for those who guess, and the same for names that are not there."""

import asyncio
import hmac
import secrets
from typing import NamedTuple

from pollsvc.domain.clock import Clock
from pollsvc.domain.editor import Editor
from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.log import Act
from pollsvc.domain.paces import Pace
from pollsvc.services.accounts.editors import folded_name, is_name
from pollsvc.services.accounts.failures import Failures, charge, slow_down
from pollsvc.services.accounts.passwords import Passwords
from pollsvc.services.accounts.sessions import new_session
from pollsvc.services.ids import hash_secret
from pollsvc.services.networks import network_of
from pollsvc.services.pace import Counters
from pollsvc.storage import accounts as store
from pollsvc.storage import log
from pollsvc.storage.pool import Pool

NETWORK_PACE = Pace(burst=20, seconds=30)
"""Attempts of one network (IPv4 /32, IPv6 /64) in one process."""
LEAST_TIME = 0.2
"""Seconds that a refusal takes at least, so that its time does not tell whether the name is known."""

_MAX_STRANGERS = 100_000


class SignedIn(NamedTuple):
    """A new session's secret, for the cookie, and its editor."""

    secret: str
    editor: Editor


class SignIn:
    """Begins sessions. `clock` is Unix time; `monotonic` is never set back.

    It holds no connection while it hashes: a flood of sign-ins takes none from those who are signed in.
    """

    def __init__(
        self,
        pool: Pool,
        passwords: Passwords,
        clock: Clock,
        monotonic: Clock,
        least_time: float = LEAST_TIME,
    ) -> None:
        self._pool = pool
        self._passwords = passwords
        self._clock = clock
        self._least_time = least_time
        self._networks = Counters(NETWORK_PACE, monotonic)
        # names that are not there wait like those that are, but in each process for itself
        self._strangers: dict[bytes, Failures] = {}
        self._salt = secrets.token_bytes(16)

    async def sign_in(self, name: str, password: str, address: str, old: str = "") -> SignedIn:
        """Begin a session; the one whose secret is `old`, which the browser had, ends.

        Raises PollError: `not_signed_in` when name or password are wrong or the editor is disabled;
        `slow_down` for a network or a name with too many attempts, a right password among them; `busy`.
        """
        wait = self._networks.take(network_of(address))
        if wait:
            raise slow_down(wait)
        loop = asyncio.get_running_loop()
        earliest = loop.time() + self._least_time
        try:
            return await self._try(folded_name(name), password, old)
        except PollError:
            await asyncio.sleep(earliest - loop.time())
            raise

    async def _try(self, name: str, password: str, old: str) -> SignedIn:
        now = int(self._clock())
        account = None
        if is_name(name):
            async with self._pool.connection() as connection:
                account = await charge(connection, name, now)
        if account is None:
            self._charge_stranger(name, now)
        known = account.password if account and not account.editor.disabled else None
        verified = await self._passwords.verify(known, password)
        if account is None or not verified.right:
            raise _wrong()
        return await self._begin(account, verified.new_hash or account.password, old)

    def _charge_stranger(self, name: str, now: int) -> None:
        if len(self._strangers) >= _MAX_STRANGERS:
            self._strangers, self._salt = {}, secrets.token_bytes(16)
        key = hmac.digest(self._salt, name.encode(errors="surrogatepass"), "sha256")[:12]
        failures = self._strangers.get(key, Failures())
        failures.require_no_wait(now)
        self._strangers[key] = failures.and_one_more(now)

    async def _begin(self, account: store.Account, password: str, old: str) -> SignedIn:
        """Begin the session, unless the account was changed since its password was found right."""
        now = int(self._clock())
        async with self._pool.connection() as connection, log.editing(connection):
            standing = await store.load_account(connection, account.editor.name)
            if standing is None or standing.editor.disabled or standing.password != account.password:
                raise _wrong()
            editor = standing.editor
            await store.update_password(connection, editor.id, password)
            if old:
                await store.delete_session(connection, hash_secret(old))
            secret, session = new_session(editor, now)
            await store.insert_session(connection, session)
            await log.append(
                connection, Act(editor.actor, "editor.sign_in", f"editor:{editor.id}", {}, {}), now
            )
        return SignedIn(secret, editor)


def _wrong() -> PollError:
    return PollError(Code.NOT_SIGNED_IN, "Name or password is wrong; enter them again.")
