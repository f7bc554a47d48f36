"""Finding polls, and what has happened to them."""

from collections.abc import Sequence

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import bad
from pollsvc.domain.history import Noted
from pollsvc.domain.poll import Poll
from pollsvc.domain.tally import Results
from pollsvc.services.editing.lists import place_of, searched
from pollsvc.services.exports.picture import load_results
from pollsvc.storage.database import Connection
from pollsvc.storage.history import history_of
from pollsvc.storage.polls import LISTED, Search, questions_by_id, search_polls

MAX_PAGE = 100
"""How many polls a page holds at most."""


class Finding:
    """Looks for polls, on a connection that nobody else uses meanwhile."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def polls(
        self,
        *,
        site: str | None = None,
        state: str | None = None,
        text: str = "",
        after: str | None = None,
        limit: int = 50,
    ) -> tuple[list[Poll], str | None]:
        """A page of polls, newest first, and where the next page goes on (`after`; None: it was the last).

        Of the site with this id, in a state (draft, scheduled, open, closed or archived; default: all but
        archived), with the words of a text in question and options, or the text in an article's address or
        as id. Raises PollError `bad_request`.
        """
        if state is not None and state not in LISTED:
            raise bad(f"{state!r} is no state; ask for one of {', '.join(LISTED)}.", "state")
        if not 1 <= limit <= MAX_PAGE:
            raise bad(f"A page can have 1 to {MAX_PAGE} polls.", "limit")
        search = Search(
            now=self._clock(),
            site=site,
            state=state,
            text=searched(text),
            after=place_of(after),
            limit=limit + 1,
        )
        found = await search_polls(self._connection, search)
        page = found[:limit]
        more = f"{page[-1].created_at}-{page[-1].id}" if len(found) > limit else None
        return page, more

    async def results(self, poll: Poll) -> Results:
        """A poll's results as they are now, whatever readers may see of them."""
        _, results = await load_results(self._connection, poll.id)
        return results

    async def questions(self, polls: Sequence[str]) -> dict[str, str]:
        """What these polls ask, each in its own language, by id; those that are gone are left out."""
        return await questions_by_id(self._connection, polls)

    async def history(self, poll: str) -> list[Noted]:
        """A poll's public history, oldest first."""
        return await history_of(self._connection, poll)
