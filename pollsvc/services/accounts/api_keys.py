"""API keys: making, revoking and recognising them."""

import hmac
from collections.abc import Collection, Mapping

from pollsvc.domain.clock import Clock
from pollsvc.domain.editor import ApiKey, Scope
from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.log import COMMAND_LINE, Act, Actor
from pollsvc.domain.poll import Site
from pollsvc.domain.text import one_line
from pollsvc.services.ids import hash_secret, new_id, new_secret
from pollsvc.storage import api_keys as store
from pollsvc.storage import log
from pollsvc.storage.database import Connection

PREFIX = "pollsvc_"
"""What every key begins with, so that a key in the wrong place can be found."""
LONGEST_NAME = 100
TOUCH = 60
"""Seconds within which a key's use is noted only once."""

_NOBODYS = "x" * 43


class ApiKeys:
    """Work on API keys, on a connection that nobody else uses meanwhile. Bad input raises PollError."""

    def __init__(self, connection: Connection, clock: Clock, actor: Actor = COMMAND_LINE) -> None:
        self._connection = connection
        self._clock = clock
        self._actor = actor

    async def create(self, name: str, scopes: Collection[Scope], site: Site | None) -> tuple[ApiKey, str]:
        """Make a key for all sites or one; returns it with its text, which is kept nowhere.

        The text is `pollsvc_ID_SECRET`, the secret 256 random bits in base64url.
        """
        if not scopes:
            raise bad("A key without scopes can do nothing; choose one at least.", "scopes")
        now = int(self._clock())
        key = ApiKey(
            id=new_id(10),
            name=one_line(name, "key's name", LONGEST_NAME),
            scopes=frozenset(scopes),
            site=site.id if site else None,
            created_at=now,
            used_at=None,
            revoked_at=None,
        )
        secret = new_secret()
        after = {"name": key.name, "scopes": sorted(key.scopes), "site": key.site}
        async with log.editing(self._connection):
            await store.insert_key(self._connection, key, hash_secret(secret))
            await self._log("add", key, {}, after, now)
        return key, f"{PREFIX}{key.id}_{secret}"

    async def all(self) -> list[ApiKey]:
        """All keys, the newest first, revoked ones too."""
        return await store.list_keys(self._connection)

    async def revoke(self, id_: str) -> ApiKey:
        """Let a key be used no more; returns it as it was. Raises `not_found`."""
        now = int(self._clock())
        async with log.editing(self._connection):
            found = await store.load_key(self._connection, id_)
            if found is None:
                raise PollError(Code.NOT_FOUND, f"There is no API key {id_!r}; look at the list of keys.")
            key = found[0]
            if key.revoked_at is None:
                await store.update_revoked(self._connection, key.id, now)
                await self._log("revoke", key, {"revoked": False}, {"revoked": True}, now)
        return key

    async def authenticate(self, text: str) -> ApiKey:
        """The key of this text, what follows `Bearer ` in a request; its use is noted.

        Raises PollError `bad_api_key`.
        """
        id_, _, secret = text.removeprefix(PREFIX).partition("_")
        found = await store.load_key(self._connection, id_) if text.startswith(PREFIX) else None
        right = hmac.compare_digest(hash_secret(secret), found[1] if found else _NOBODYS)
        if found is None or not right or found[0].revoked_at is not None:
            raise PollError(Code.BAD_API_KEY, "The API key is unknown or revoked; use one that is not.")
        key, now = found[0], int(self._clock())
        if key.used_at is None or now - key.used_at >= TOUCH:
            await store.touch_key(self._connection, key.id, now)
        return key

    async def _log(
        self, what: str, key: ApiKey, before: Mapping[str, object], after: Mapping[str, object], now: int
    ) -> None:
        await log.append(
            self._connection, Act(self._actor, f"key.{what}", f"key:{key.id}", before, after), now
        )
