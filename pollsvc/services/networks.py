"""Networks, known only by keyed hashes under a secret of the service and a salt of the day.

Whoever has the database without the service's secrets cannot tell from which network a ballot came, and
nobody can when the salt is deleted, which is when its day is over.
"""

import asyncio
import hmac
import ipaddress
import logging
import re
import secrets
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from pollsvc.domain.clock import Clock
from pollsvc.domain.mac import encode, mac
from pollsvc.storage.pool import Pool
from pollsvc.storage.salts import have_salts

logger = logging.getLogger(__name__)

_DAY = 86_400
_LOOK_EVERY = 600.0  # seconds, for the salt of the next day
_TAG = 5  # characters, for each of the two prefixes
_IPV4 = re.compile(r"(?:[1-9][0-9]{0,2}\.|0\.){3}(?:[1-9][0-9]{0,2}|0)", re.ASCII)
_NARROW, _WIDE = {4: 32, 6: 64}, {4: 24, 6: 48}  # bits of the prefixes, by the version of the protocol


class Network(NamedTuple):
    """Whence a vote came, for the rest of the day: keyed hashes of its narrow and its wide prefix."""

    narrow: bytes
    wide: bytes

    def tag(self, poll: str) -> str:
        """Ten characters, the wide prefix first, that tell networks apart within a poll, not across polls."""
        data = poll.encode()
        return encode(_keyed(self.wide, data))[:_TAG] + encode(_keyed(self.narrow, data))[:_TAG]


class Networks:
    """Hashes addresses, between `start` and `stop`; `clock` is Unix time.

    All processes on one database have the same salts. `secrets_` are the service's, oldest first.
    """

    def __init__(self, pool: Pool, secrets_: Sequence[str], clock: Clock) -> None:
        self._pool = pool
        self._secret = mac(secrets_[-1].encode())(b"pollsvc.networks")
        self._clock = clock
        self._salts: dict[int, bytes] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._look()
        self._task = asyncio.create_task(self._run(), name="salts")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._pool.stop()

    def of(self, address: str) -> Network:
        """The network of an address; text that is none stands for itself."""
        day = int(self._clock()) // _DAY
        salt = self._salts.get(day)
        if salt is None:  # the database was away when the salt was wanted
            salt = self._salts[day] = secrets.token_bytes(32)
        narrow, wide = prefixes_of(address)
        return Network(_keyed(salt, narrow.encode()), _keyed(salt, wide.encode()))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await self._look()
            except Exception as error:
                logger.warning("The day's salts could not be looked up, and will be later: %r", error)

    async def _look(self) -> None:
        """Have the salts of today and tomorrow, and no others."""
        today = int(self._clock()) // _DAY
        async with self._pool.connection() as connection:
            found = await have_salts(connection, {day: secrets.token_bytes(16) for day in (today, today + 1)})
        self._salts = {day: hmac.digest(self._secret, salt, "sha256") for day, salt in found.items()}


def _keyed(key: bytes, data: bytes) -> bytes:
    """16 bytes by BLAKE2b as a MAC (RFC 7693, section 2.9): every vote takes four, a third of HMAC's time."""
    return blake2b(data, digest_size=16, key=key).digest()


def network_of(address: str) -> str:
    """The network that an address is counted as: IPv4 /32, IPv6 /64; other text stands for itself."""
    return prefixes_of(address)[0]


def prefixes_of(address: str) -> tuple[str, str]:
    """The narrow prefix of an address (IPv4 /32, IPv6 /64) and the wide one (/24, /48)."""
    if _IPV4.fullmatch(address):
        return address, address[: address.rindex(".")] + ".0/24"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address, address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return _prefix(parsed, _NARROW), _prefix(parsed, _WIDE)


def _prefix(address: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: dict[int, int]) -> str:
    away = address.max_prefixlen - bits[address.version]
    if not away:
        return str(address)
    return f"{type(address)(int(address) >> away << away)}/{bits[address.version]}"
