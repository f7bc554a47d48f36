"""Failures to give an account's password, counted in the database for all processes.

An attempt is charged before the password is looked at, so that many at once are no way around the wait. After
five failures an account waits, 30 s at first and twice as long each time, but never longer than 15 minutes.
Whoever guesses on and on can so keep the owner from signing in; an open session goes on meanwhile, and a new
password (`pollsvc editor passwd`) ends the wait.
"""

from math import ceil
from typing import NamedTuple

from pollsvc.domain.errors import Code, PollError
from pollsvc.storage import accounts as store
from pollsvc.storage.database import Connection

FREE = 5
"""Failures after which an account waits."""
FIRST_WAIT, LONGEST_WAIT = 30, 900
"""Seconds."""
FORGOTTEN = 86_400
"""Seconds after the last failure when none counts any more."""


class Failures(NamedTuple):
    """How many attempts failed, and when the last did (Unix seconds)."""

    number: int = 0
    at: int | None = None

    def require_no_wait(self, now: int) -> None:
        """Raises PollError `slow_down` while the account waits."""
        if self.at is None or self.number < FREE or now - self.at >= FORGOTTEN:
            return
        wait = min(FIRST_WAIT << min(self.number - FREE, 10), LONGEST_WAIT)
        left = min(self.at + wait - now, wait)
        if left > 0:
            raise slow_down(left)

    def and_one_more(self, now: int) -> "Failures":
        """The failures once another attempt is charged."""
        fresh = self.at is None or now - self.at >= FORGOTTEN
        return Failures(1 if fresh else self.number + 1, now)


async def charge(connection: Connection, name: str, now: int) -> store.Account | None:
    """The account of this name, an attempt charged to it; None when there is none.

    Raises PollError `slow_down` while it waits. A success takes the failures back by writing the password.
    """
    while True:
        account = await store.load_account(connection, name)
        if account is None:
            return None
        failures = Failures(account.failures, account.failed_at)
        failures.require_no_wait(now)
        if await store.charge(connection, account, failures.and_one_more(now).number, now):
            return account


def slow_down(wait: float) -> PollError:
    """The answer to too many attempts."""
    seconds = ceil(wait)
    told = f"{seconds} seconds" if seconds < 120 else f"{ceil(seconds / 60)} minutes"
    return PollError(Code.SLOW_DOWN, f"Too many attempts; try again in {told}.", retry_after=seconds)
