"""A poll as it stands at one moment: what every part of an export is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from pollsvc.domain.errors import no_such_poll
from pollsvc.domain.poll import Kind, Option, Poll, say
from pollsvc.domain.selection import picked
from pollsvc.domain.tally import Key, Results, results_of
from pollsvc.storage.database import Connection
from pollsvc.storage.exports import sum_ballots
from pollsvc.storage.placements import Placement, placements_of_poll
from pollsvc.storage.polls import load_poll
from pollsvc.storage.series import ArticleVotes, load_articles
from pollsvc.storage.tallies import load_totals, load_versions


@dataclass(frozen=True, slots=True)
class Picture:
    """A poll with its placements by number, detached ones too, and the number of its ballots.

    `at` is the Unix time of the picture, and `lang` the language of its labels.
    """

    poll: Poll
    placements: Mapping[int, Placement]
    version: int
    ballots: int
    at: float
    lang: str

    def link(self, article: int) -> str | None:
        """The address of an article, as the editor gave it, by its number in the poll."""
        place = self.placements.get(article)
        return place.link if place else None

    def label(self, option: Option) -> str:
        """An option's label in the picture's language."""
        return say(option.label, self.lang, self.poll.lang)

    def labels(self) -> Callable[[str], str]:
        """What says a selection in words: `Iran | America`, or `Iran > America` for a ranking."""
        sign = " > " if self.poll.kind is Kind.RANKED else " | "
        names = {option.id: self.label(option) for option in self.poll.options}

        @lru_cache(10_000)
        def join(selection: str) -> str:
            return sign.join(names.get(option, str(option)) for option in picked(selection))

        return join


async def take_picture(connection: Connection, poll_id: str, now: float, lang: str | None = None) -> Picture:
    """A poll as it stands; within `Connection.reading()`. Raises PollError `no_such_poll`."""
    poll = await load_poll(connection, poll_id)
    if poll is None:
        raise no_such_poll()
    versions = await load_versions(connection, [poll_id])
    return Picture(
        poll=poll,
        placements={place.article: place for place in await placements_of_poll(connection, poll_id)},
        version=versions.get(poll_id, 0),
        ballots=await sum_ballots(connection, poll_id),
        at=now,
        lang=poll.best_lang(lang) if lang else poll.lang,
    )


async def load_results(connection: Connection, poll_id: str) -> tuple[Poll, Results]:
    """A poll with its results, of one moment. Raises PollError `no_such_poll`."""
    async with connection.reading():
        poll = await load_poll(connection, poll_id)
        if poll is None:
            raise no_such_poll()
        version, totals = await load_totals(connection, poll_id)
        return poll, results_of(poll, version, totals)


async def results_by_picks(
    connection: Connection, poll: Poll, version: int
) -> tuple[Results, list[ArticleVotes]]:
    """A poll's results, and its ballots by article, of rankings only the first picks: few, of any poll."""
    votes = await load_articles(connection, poll.id)
    totals: dict[Key, int] = {}
    for _, *key, count in votes:
        pick, status, reason = key
        totals[pick, status, reason] = totals.get((pick, status, reason), 0) + count
    return results_of(poll, version, totals), votes
