"""The sections of a poll's exports: what each of them reads, and how it is told."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from pollsvc.domain.ballot import Status
from pollsvc.domain.clock import rfc3339, rfc3339_minute
from pollsvc.domain.selection import WITHDRAWN, folded
from pollsvc.domain.tally import Results
from pollsvc.services.exports.definition import FIELD, fields_of, whole_definition
from pollsvc.services.exports.picture import Picture, results_by_picks
from pollsvc.services.exports.sections import FORMAT, Progress, Record, Rows, Section, What
from pollsvc.services.watching.counting import Votes, sum_votes
from pollsvc.services.watching.timeline import Bucket, start_of
from pollsvc.storage.database import Connection
from pollsvc.storage.exports import cell_pages, cells_by_minute
from pollsvc.storage.history import history_of
from pollsvc.storage.series import ArticleVotes

_SORT = ("article", "minute", "selection", "labels", "status", "reason")


class Sections:
    """The sections of one poll's exports, to be read within the transaction of its picture.

    Series are by `bucket` in the time of `zone`.
    """

    def __init__(
        self, connection: Connection, picture: Picture, bucket: Bucket, zone: ZoneInfo, progress: Progress
    ) -> None:
        self._connection = connection
        self._picture = picture
        self._bucket = bucket
        self._zone = zone
        self._progress = progress
        self._shown = picture.poll.shown_options
        self._summed: tuple[Results, list[ArticleVotes]] | None = None
        self._columns = [f"{option.id}: {picture.label(option)}" for option in self._shown]

    def of(self, what: What) -> list[Section]:
        """The sections of an export, in order; the first one says what it is."""
        parts = {
            What.ALL: (
                self._definition,
                self._results,
                self._totals,
                self._history,
                self._tally,
                self._ballots,
            ),
            What.DEFINITION: (self._definition,),
            What.TOTALS: (self._results, self._totals),
            What.SERIES: (self._series,),
            What.ARTICLES: (self._articles,),
            What.TALLY: (self._tally,),
            What.BALLOTS: (self._ballots,),
        }
        return [self._head(what), *(part() for part in parts[what])]

    def table(self, what: What) -> Section:
        """The one section of an export that is a table."""
        if what is What.DEFINITION:
            rows = _all(fields_of(whole_definition(self._picture)))
            return Section("field", "fields", True, rows, FIELD)
        [table] = [section for section in self.of(what) if section.many]
        return table

    def _head(self, what: What) -> Section:
        picture = self._picture
        head = {
            "format": FORMAT,
            "what": what.value,
            "poll": picture.poll.id,
            "at": rfc3339(picture.at),
            "ballots": picture.ballots,
        }
        if what is What.SERIES:
            head |= {"bucket": self._bucket.value, "time_zone": self._zone.key}
        return Section("export", "export", False, _all([head]))

    def _definition(self) -> Section:
        return Section("poll", "poll", False, _all([whole_definition(self._picture)]))

    def _results(self) -> Section:
        async def rows() -> Rows:
            yield (await self._sums())[0].as_json(), 1

        return Section("results", "results", False, rows())

    def _totals(self) -> Section:
        """By option and status; the first row is of all ballots, the last of answers nobody approved."""

        async def rows() -> Rows:
            _, votes = await self._sums()
            by_status = sum_votes(
                ((status, pick, Status.COUNTED, count) for _, pick, status, _, count in votes),
                self._picture.poll.folds,
            )

            def counts(number: Callable[[Votes], int]) -> dict[str, int]:
                return {each.value: number(by_status.get(each, Votes())) for each in Status}

            nothing = {"option": None, "label": "", "state": ""}
            yield {"of": "ballots", **nothing, **counts(lambda sums: sums.counted)}, 1
            for option in self._shown:
                named = {
                    "option": option.id,
                    "label": self._picture.label(option),
                    "state": option.state.value,
                }
                yield {"of": "option", **named, **counts(_picks_of(option.id))}, 1
            yield {"of": "other", **nothing, **counts(_picks_of(0))}, 1

        header = ("of", "option", "label", "state", *Status)
        return Section("total", "totals", True, rows(), header)

    def _series(self) -> Section:
        """By time: only times at which anybody voted."""

        async def rows() -> Rows:
            options = self._options()
            minute, start, sums = -1, -1, Votes()
            async for cell, count in cells_by_minute(self._connection, self._picture.poll.id):
                if cell.minute != minute:
                    minute = cell.minute
                    begins = start_of(self._bucket, minute, self._zone)
                    if begins != start:
                        if sums != Votes():
                            yield {"start": self._local(start), **self._counts(sums)}, 1
                        start, sums = begins, Votes()
                if cell.selection != WITHDRAWN:
                    sums.add(options(cell.selection), cell.status, count)
            if sums != Votes():
                yield {"start": self._local(start), **self._counts(sums)}, 1

        header = ("start", "voters", "held", "excluded", *self._columns, "other")
        return Section("bucket", "series", True, rows(), header)

    def _articles(self) -> Section:
        """By article and status; each article where the poll stands or stood has a row of counted ballots."""

        async def rows() -> Rows:
            picture = self._picture
            _, votes = await self._sums()
            sums = sum_votes(
                (
                    ((article, status), pick, Status.COUNTED, count)
                    for article, pick, status, _, count in votes
                ),
                picture.poll.folds,
            )
            for number in sorted(picture.placements.keys() | {article for article, _ in sums} | {0}):
                for status in Status:
                    if status is Status.COUNTED or (number, status) in sums:
                        counts = self._counts(sums.get((number, status), Votes()))
                        place = picture.placements.get(number)
                        yield (
                            {
                                "article": picture.link(number),
                                "attached": None if place is None else not place.detached,
                                "status": status.value,
                                "ballots": counts["voters"],
                                "options": counts["options"],
                                "other": counts["other"],
                            },
                            1,
                        )

        header = ("article", "attached", "status", "ballots", *self._columns, "other")
        return Section("article", "articles", True, rows(), header)

    def _history(self) -> Section:
        async def rows() -> Rows:
            for number, at, notice in await history_of(self._connection, self._picture.poll.id):
                yield {"number": number, "at": rfc3339(at), **notice._asdict()}, 1

        return Section("notice", "history", True, rows())

    def _tally(self) -> Section:
        async def rows() -> Rows:
            async for record, count in self._sorts():
                yield {**record, "count": count}, 1

        return Section("cell", "tally", True, rows(), (*_SORT, "count"))

    def _ballots(self) -> Section:
        """A ballot says no more here than its cell of the tally does, so each cell is that many ballots.

        Their order is the tally's: it does not even tell which ballot changed between two exports. That
        tally and ballots agree is for the audit to prove.
        """
        return Section("ballot", "ballots", True, self._sorts(progress=self._progress), _SORT)

    async def _sorts(self, progress: Progress | None = None) -> Rows:
        """All sorts of ballots, each with how many there are."""
        labels, done = self._picture.labels(), 0
        async for page in cell_pages(self._connection, self._picture.poll.id):
            for (_, article, minute, selection, status, reason), count in page:
                done += count
                yield (
                    {
                        "article": self._picture.link(article),
                        "minute": rfc3339_minute(minute),
                        "selection": selection,
                        "labels": labels(selection),
                        "status": status,
                        "reason": reason or None,
                    },
                    count,
                )
            if progress is not None:
                progress(done, self._picture.ballots)

    async def _sums(self) -> tuple[Results, list[ArticleVotes]]:
        """What `results_by_picks` says, asked for once."""
        if self._summed is None:
            poll, version = self._picture.poll, self._picture.version
            self._summed = await results_by_picks(self._connection, poll, version)
        return self._summed

    def _options(self) -> Callable[[str], list[int]]:
        """What a selection counts for; of a ranking, its first pick."""
        folds = self._picture.poll.folds

        @lru_cache(10_000)
        def options(selection: str) -> list[int]:
            return folded(selection.partition(">")[0], folds)

        return options

    def _counts(self, votes: Votes) -> dict[str, object]:
        return {
            "voters": votes.counted,
            "held": votes.held,
            "excluded": votes.excluded,
            "options": [{"id": each.id, "count": votes.options.get(each.id, 0)} for each in self._shown],
            "other": votes.options.get(0, 0),
        }

    def _local(self, minute: int) -> str:
        """A Unix minute as an RFC 3339 date-time of the zone."""
        text = datetime.fromtimestamp(minute * 60, self._zone).isoformat()
        return text.replace("+00:00", "Z")


async def _all(records: Iterable[Record]) -> Rows:
    for record in records:
        yield record, 1


def _picks_of(option: int) -> Callable[[Votes], int]:
    return lambda votes: votes.options.get(option, 0)
