"""Paces that several processes keep together, in Valkey or Redis.

One call answers for a whole batch of votes: `paces.lua` runs in the store, at once and by the store's clock,
so that no clock of ours matters. Votes do not depend on it: an answer that is not there in `LIMIT` seconds is
not waited for, and until the store answers well again nobody asks it but one task in the background.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from time import monotonic
from typing import Any, NamedTuple

from msgspec.json import encode
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from pollsvc.domain.paces import Pace, Paces, Tier

logger = logging.getLogger(__name__)

LIMIT = 0.05
"""Seconds in which the store is to answer for a batch of votes."""
_PIECES = 10
_AGAIN_AFTER = 1.0  # seconds between two attempts to have it back
_CONNECT_LIMIT = 2.0  # seconds, in the background
_TOLD_EVERY = 60.0  # seconds between two warnings, should it come and go
_PREFIX = b"pollsvc:"

COUNTED, TO_PROVE, HELD_PACE, HELD_UNPROVEN, STANDING = range(5)
"""Verdicts of `paces.lua`."""


class Ask(NamedTuple):
    """A vote that may count. `voter` is the same for all votes of one voter, and theirs alone.

    `proof` is 1 for a good one, 0 for none yet, -1 where there can be none; `keys` are those of its network,
    in the order of a tier.
    """

    paces: Paces
    voter: tuple[str, str]
    proof: int
    keys: tuple[bytes, bytes, bytes, bytes]


class Verdict(NamedTuple):
    """What becomes of a vote, and how hard its proof is to be, from 0 to 1."""

    is_: int
    effort: float


class SharedPaces:
    """Asks the store at `url` (redis://, rediss:// or unix://), between `start` and `stop`."""

    def __init__(self, url: str) -> None:
        self._client = Redis.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=_CONNECT_LIMIT,
            socket_timeout=_CONNECT_LIMIT,
            client_name="pollsvc",
        )
        self._script = (files("pollsvc.storage") / "paces.lua").read_text()
        self._digest = ""
        self._answers = False
        self._told_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect; a store that is away is told of in the log, and looked for until it is there."""
        try:
            await self._prepare()
        except Exception as error:
            self._lose(error)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with suppress(Exception):
            await self._client.aclose()

    async def judge(self, asked: Sequence[Ask]) -> list[Verdict]:
        """The verdicts on these votes, as if each were cast in turn; none while the store is away.

        What counts is charged. Takes little more than `LIMIT` seconds, and never raises.
        """
        if not self._answers:
            return []
        keys, arguments = _arguments(asked)
        call = asyncio.ensure_future(self._client.evalsha(self._digest, len(keys), *keys, arguments))
        try:
            told = (await _in_time(call)).split()
            return [Verdict(int(told[at]), int(told[at + 1]) / 1000) for at in range(0, len(told), 2)]
        except Exception as error:
            self._lose(error)
            return []

    def _lose(self, error: Exception) -> None:
        """Ask no more until the store answers again; say so, once."""
        self._answers = False
        if monotonic() - self._told_at >= _TOLD_EVERY:
            self._told_at = monotonic()
            logger.warning(
                "The shared paces cannot be asked; this process keeps paces by itself until they answer: %s",
                type(error).__name__,
            )
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="shared paces")

    async def _look(self) -> None:
        """Until the store answers in time."""
        while not self._answers:
            await asyncio.sleep(_AGAIN_AFTER)
            with suppress(Exception):
                await self._prepare()
        logger.warning("The shared paces answer again")

    async def _prepare(self) -> None:
        """Connect, hand over the script, and see that the store takes writes, in good time."""
        with suppress(Exception):
            await self._client.connection_pool.disconnect()
        self._digest = str(await self._client.script_load(self._script))
        await _in_time(asyncio.ensure_future(self._client.set(_PREFIX + b"here", b"", px=1000)), LIMIT / 2)
        self._answers = True


async def _in_time(call: "asyncio.Future[Any]", limit: float = LIMIT) -> Any:
    """Wait for an answer. Raises TimeoutError, and what the call raises.

    The time is taken in short pieces: when this process is the slow one, it is not held against the store.
    """
    for _ in range(_PIECES):
        done, _ = await asyncio.wait([call], timeout=limit / _PIECES)
        if done:
            return call.result()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    raise TimeoutError


def _arguments(asked: Sequence[Ask]) -> tuple[list[bytes], bytes]:
    """KEYS and ARGV of the script."""
    tiers: dict[Paces, int] = {}
    voters: dict[tuple[str, str], int] = {}
    keys: dict[bytes, int] = {}
    votes = [
        (
            tiers.setdefault(one.paces, len(tiers) + 1),
            voters.setdefault(one.voter, len(voters) + 1),
            one.proof,
            *(keys.setdefault(key, len(keys) + 1) for key in one.keys),
        )
        for one in asked
    ]
    told = [(_numbers(paces.calm), _numbers(paces.proven)) for paces in tiers]
    return [_PREFIX + key for key in keys], encode({"tiers": told, "votes": votes})


def _numbers(tier: Tier) -> list[tuple[int, float]]:
    return [_number(pace) for pace in tier]


def _number(pace: Pace) -> tuple[int, float]:
    return pace.burst, pace.seconds * 1000
