"""Answers in a reader's own words: each text is an option from its first vote on, and waits for an editor.

A ballot says what its reader wrote, by the text's own option. What that counts for (`Poll.folds`) moves when
an editor approves the option or merges it into another, and no ballot is touched.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import category

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import Code, PollError, vote_not_recorded
from pollsvc.domain.paces import Pace
from pollsvc.domain.poll import Option, OptionState, Poll
from pollsvc.domain.selection import canonical
from pollsvc.domain.text import can_be_seen, folded_text
from pollsvc.services.networks import network_of
from pollsvc.services.pace import Counters
from pollsvc.storage.database import Connection, busy_if_away
from pollsvc.storage.log import editing
from pollsvc.storage.polls import load_poll
from pollsvc.storage.pool import Pool
from pollsvc.storage.write_ins import find_write_in, insert_write_in

MAX_TEXT = 100
"""The longest text that a reader can write, in characters."""
MAX_PENDING = 500
"""How many texts of a poll can wait for an editor."""
PACE = Pace(burst=5, seconds=60)
"""How fast one network can bring new texts, unless the policy is `open`."""

_MAX_FOLDED = 4 * MAX_TEXT  # one character can fold to 18; the unique index takes no more than 2,700 bytes
_MAX_ID = 32_000  # of an option, whose column holds 16 bits
_RANKS = {OptionState.ACTIVE: 0, OptionState.RETIRED: 2}  # whose label a text is taken for first; others: 1
_UNSHOWN = {"Cc", "Cs", "Zl", "Zp"}  # control characters, half characters, ends of lines


class WithText(NamedTuple):
    """A selection with a text in it: the picks around it, the text, and its option if that is known."""

    before: Sequence[object]
    after: Sequence[object]
    text: str
    folded: str
    option: int | None

    def picks(self, option: int) -> list[object]:
        """The selection as option ids, when the text is this option."""
        return [*self.before, option, *self.after]


def holds_text(picks: object) -> bool:
    """Whether a selection as it was sent has a text in it."""
    return type(picks) is list and any(type(pick) is str for pick in picks)


class WriteIns:
    """Finds the option of what a reader wrote, and makes those that are new; until `stop`.

    When it is `paced`, a network may bring new texts at PACE only; `clock` returns seconds and is never set
    back. `stop` waits for what is being written.
    """

    def __init__(self, pool: Pool, reading: Connection, paced: bool, clock: Clock) -> None:
        self._pool = pool
        self._reading = reading
        self.paced = paced
        self._counters = Counters(PACE, clock)
        self._adding: dict[tuple[str, str], asyncio.Task[int]] = {}

    async def stop(self) -> None:
        await asyncio.gather(*self._adding.values(), return_exceptions=True)
        await self._pool.stop()

    async def read(self, poll: Poll, picks: Sequence[object]) -> WithText:
        """Understand a selection with a text in it; all but the text's own option is checked.

        Raises PollError: `invalid_selection`, `busy`.
        """
        places = [place for place, pick in enumerate(picks) if type(pick) is str]
        if not poll.write_in or len(places) != 1:
            raise _invalid('Send "selection" with at most one text, and only where the poll takes one.')
        [place] = places
        text = _one_line(str(picks[place]))
        folded = folded_text(text)
        if len(folded) > _MAX_FOLDED:
            raise _too_long()
        option = _option_of(poll, folded)
        if option is None:
            option = await self._found(poll, folded)
        written = WithText(picks[:place], picks[place + 1 :], text, folded, option)
        selection_of(poll, written, _next_id(poll) if option is None else option)
        return written

    async def add(self, poll: Poll, written: WithText, address: str) -> int:
        """The option of a text that was not known, made unless somebody else has made it meanwhile.

        Raises PollError: `invalid_selection` when too many texts wait, `slow_down` when too many come from
        this address, `busy`.
        """
        key = (poll.id, written.folded)
        task = self._adding.get(key)
        if task is None:
            _check_room(poll)
            self._take(address)
            task = asyncio.create_task(self._add(poll.id, written), name=f"write-in in {poll.id}")
            task.add_done_callback(lambda done: self._done(key, done))
            self._adding[key] = task
        return await asyncio.shield(task)  # a request that ends leaves nothing half done

    def _take(self, address: str) -> None:
        wait = self._counters.take(network_of(address)) if self.paced else 0.0
        if wait:
            raise PollError(
                Code.SLOW_DOWN,
                "Many new answers have come from your network; wait, or choose one that is there.",
                retry_after=int(wait) + 1,
            )

    def _done(self, key: tuple[str, str], task: "asyncio.Task[int]") -> None:
        del self._adding[key]
        if not task.cancelled():
            task.exception()  # told to whoever still waits for it

    async def _found(self, poll: Poll, folded: str) -> int | None:
        """The option that another process has made of the text since the poll was loaded."""
        with busy_if_away(vote_not_recorded):
            found = await find_write_in(self._reading, poll.id, folded)
        if found is None:
            return None
        option, state = found
        if state == OptionState.RETIRED:
            raise _retired()
        return option

    async def _add(self, id_: str, written: WithText) -> int:
        with busy_if_away(vote_not_recorded):
            async with self._pool.connection() as connection, editing(connection):
                poll = await load_poll(connection, id_)
                if poll is None or not poll.write_in:
                    raise _invalid("This poll takes no answers of your own; choose one of its options.")
                known = _option_of(poll, written.folded)
                if known is not None:
                    return known
                _check_room(poll)
                option = Option(
                    id=_next_id(poll),
                    label={poll.lang: written.text},
                    state=OptionState.PENDING,
                    write_in=written.folded,
                )
                await insert_write_in(connection, poll, option)
                return option.id


def selection_of(poll: Poll, written: WithText, option: int) -> str:
    """The canonical text of a selection whose text is this option. Raises PollError `invalid_selection`."""
    return canonical(poll, written.picks(option), poll.option_ids | {option})


def _option_of(poll: Poll, folded: str) -> int | None:
    """The option that a text names: by a label, or because it was written in before.

    Raises PollError `invalid_selection` for an option that was retired, or merged into one that was.
    """
    matching = [option for option in poll.options if _says(option, folded)]
    best = min(matching, key=lambda option: _RANKS.get(option.state, 1), default=None)
    if best is not None and best.id not in poll.option_ids:
        raise _retired()
    return best.id if best else None


def _says(option: Option, folded: str) -> bool:
    """Whether a text is what a reader wrote in as this option, or a label of it that readers see."""
    if option.write_in == folded:
        return True
    shown = option.state in (OptionState.ACTIVE, OptionState.RETIRED)
    return shown and any(folded_text(label) == folded for label in option.label.values())


def _next_id(poll: Poll) -> int:
    return max((option.id for option in poll.options), default=0) + 1


def _check_room(poll: Poll) -> None:
    pending = sum(option.state is OptionState.PENDING for option in poll.options)
    if pending >= MAX_PENDING or _next_id(poll) > _MAX_ID:
        raise _invalid("Too many answers of readers wait for review; choose one of the options.", "full")


def _one_line(text: str) -> str:
    """The text as it can stand as a label, without spaces too many. Raises PollError `invalid_selection`."""
    line, kinds = " ".join(text.split()), [category(char) for char in text]
    if not _UNSHOWN.isdisjoint(kinds) or not can_be_seen(line):
        raise _invalid("Write your answer in one line, of characters that can be shown.", "text")
    if len(line) > MAX_TEXT:
        raise _too_long()
    return line


def _too_long() -> PollError:
    return _invalid(f"Write at most {MAX_TEXT} characters.", "too_long")


def _retired() -> PollError:
    return _invalid("This answer can no longer be chosen; choose or write another one.", "retired")


def _invalid(message: str, reason: str | None = None) -> PollError:
    """The answer to a text that cannot be taken; `reason` is for pages that say it in other words."""
    return PollError(Code.INVALID_SELECTION, message, details={"reason": reason} if reason else None)
