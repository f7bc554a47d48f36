"""Passwords: what one may be, and its hash.

Argon2id (RFC 9106) with 19 MiB of memory, 2 passes and 1 lane, the least that OWASP's Password Storage Cheat
Sheet asks for: about 30 ms of a core. Threads do it, a few at a time, so that votes go on in a flood of
sign-ins.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import NamedTuple, TypeVar
from unicodedata import category, normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.services.ids import new_id

T = TypeVar("T")

SHORTEST = 12
LONGEST = 1_000
"""Limits of a password, in characters."""

AT_ONCE = 1
"""How many passwords one process hashes at the same time; each takes a core."""
WAITING = 50
"""How many may wait for that, about 1.5 s, before `busy` is answered."""


class Verified(NamedTuple):
    """Whether a password was right; if so, and its hash is not of today's parameters, the new hash."""

    right: bool
    new_hash: str | None = None


class Passwords:
    """Hashes passwords, and compares them with hashes."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._turns = asyncio.Semaphore(at_once)
        self._places = at_once + waiting
        self._nobodys = self._hasher.hash(secrets.token_bytes(16))

    async def hash(self, password: str) -> str:
        """The hash of a password, in the PHC string format. Raises PollError `busy` when too many wait."""
        text = _bytes(password)
        return await self._in_turn(lambda: self._hasher.hash(text))

    async def verify(self, known: str | None, password: str) -> Verified:
        """Whether a password is that of the hash `known`; None takes as long and is never right.

        Raises PollError `busy` when too many wait.
        """
        text = _bytes(password[:LONGEST])
        right = await self._in_turn(lambda: self._is_right(known or self._nobodys, text))
        if not right or known is None or len(password) > LONGEST:
            return Verified(False)
        new_hash = await self.hash(password) if self._hasher.check_needs_rehash(known) else None
        return Verified(True, new_hash)

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._places <= 0:
            raise PollError(Code.BUSY, "Many people are signing in; try again in a moment.", retry_after=5)
        self._places -= 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._places += 1

    def _is_right(self, known: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerificationError, InvalidHashError):
            return False


def check_password(password: str, name: str) -> str:
    """The password, if the editor of this name may have it. Raises PollError `bad_request`."""
    if not SHORTEST <= len(normalize("NFKC", password[: LONGEST + 1])) <= LONGEST:
        raise bad(
            f"A password has {SHORTEST} to {LONGEST} characters; several words are a good one.", "password"
        )
    if any(category(char) in {"Cc", "Cs"} for char in password):
        raise bad("A password cannot hold control characters; leave them out.", "password")
    if normalize("NFKC", password).casefold() == normalize("NFKC", name).casefold():
        raise bad("The password is the name; choose another one.", "password")
    return password


def random_password() -> str:
    """A password of 120 random bits, in four groups that can be read aloud."""
    return "-".join(new_id(6) for _ in range(4))


def _bytes(password: str) -> bytes:
    """What is hashed: normal form NFKC (NIST SP 800-63B-4, section 3.1.1.2), as UTF-8.

    Like RFC 8265's OpaqueString, it leaves case alone and makes every space U+0020; an accent, or a digit of
    another width, is the same from any keyboard.
    """
    spaced = "".join(" " if category(char) == "Zs" else char for char in password)
    return normalize("NFKC", spaced).encode(errors="surrogatepass")
