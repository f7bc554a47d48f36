"""Polls of WP-Polls, the WordPress plugin, out of its three tables, with their votes as anonymous ballots.

What the tables mean is as in the plugin's source: https://github.com/lesterchan/wp-polls
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from html import unescape
from itertools import chain
from typing import BinaryIO, TextIO

from pollsvc.domain.errors import bad
from pollsvc.services.imports.sql_dump import Row, rows
from pollsvc.services.imports.unpacking import unpacked
from pollsvc.services.imports.vote_log import Cells, Log, PollKey, VoteLog, reconcile

_COLUMNS = {
    "q": "id question timestamp totalvotes active expiry multiple totalvoters",
    "a": "aid qid answers votes",
    "ip": "id qid aid ip host timestamp user userid",
}
"""The columns of the tables pollsq, pollsa and pollsip, less the pollq_, polla_ and pollip_ before them."""
_IDS = {"q": ("pollq_id", "pollq_id"), "a": ("polla_qid", "polla_aid"), "ip": ("pollip_qid", "pollip_aid")}
"""The columns that name the poll and the answer, or the poll again."""

_TABLE = re.compile("(.*)polls(q|a|ip)")
_LATEST = 253_370_764_800  # the year 9999
_LONGEST = 4_000  # characters of a text that are looked at; the columns hold 200

_LONGEST_NUMBER = 20  # characters; MySQL's largest integers have as many

_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_IMAGE = re.compile(r"<img\b[^<>]*?\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')[^<>]*>", re.IGNORECASE)
_BREAK = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|h[1-6])\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class WpAnswer:
    """An answer as plain text in one line; WordPress's id is unique among all answers of a prefix."""

    id: int
    label: str
    votes: int


@dataclass(frozen=True, slots=True)
class WpPoll:
    """A poll of the tables that begin with `prefix`, with answers by their ids, the plugin's usual order.

    Times are Unix seconds; `created_at` is when the poll begins. One that is neither `active` nor `scheduled`
    was closed, at `closes_at` or before it by hand. `ballots` add up to the answers' votes exactly, `voters`
    is how many there are, and `notes` are sentences for an editor about what did not fit.
    """

    id: int
    prefix: str
    question: str
    answers: tuple[WpAnswer, ...]
    max_answers: int
    voters: int
    created_at: int
    closes_at: int | None
    active: bool
    scheduled: bool
    ballots: Cells
    notes: tuple[str, ...]


def read_dump(file: BinaryIO, zone: tzinfo, most: int | None = None) -> list[WpPoll]:
    """All polls in a SQL dump, of every prefix; `zone` is the time zone that WordPress is set to.

    Raises PollError `bad_request` for a dump that cannot be read, that has more than `most` bytes when it is
    unpacked or that holds no WP-Polls.
    """
    tables = _Tables()
    seen: set[tuple[str, str]] = set()

    def wanted(table: str) -> bool:
        found = _TABLE.fullmatch(table)
        if found:
            seen.add((found[1], found[2]))
        return found is not None

    for table, row in rows(unpacked(file, most), wanted):
        prefix, _, kind = table.rpartition("polls")
        tables.add(prefix, kind, row)
    prefixes = {prefix for prefix, kind in seen if kind == "q"}
    if not prefixes or any((prefix, "a") not in seen for prefix in prefixes):
        raise bad("WP-Polls' tables, such as wp_pollsq and wp_pollsa, are not in the dump; export them all.")
    return tables.polls(zone)


def read_csv(questions: TextIO, answers: TextIO, log: TextIO | None, zone: tzinfo) -> list[WpPoll]:
    """The same from CSV exports of the tables pollsq, pollsa and, if there is one, pollsip."""
    tables = _Tables()
    for file, kind in ((questions, "q"), (answers, "a"), (log, "ip")):
        for row in _csv_rows(file, kind) if file else ():
            tables.add("", kind, row)
    return tables.polls(zone)


def _csv_rows(file: TextIO, kind: str) -> Iterator[Row]:
    """The rows of a CSV file that begins with column names, or else has all columns in the table's order."""
    columns = [f"poll{kind}_{name}" for name in _COLUMNS[kind].split()]
    try:
        start = file.readline().removeprefix("\ufeff")
        sign = re.match(r'"?\w+"?([,;\t])', start)
        if start and not sign:
            raise bad(f"The CSV of polls{kind} must begin with {columns[0]} or its value; export it again.")
        lines = csv.reader(chain([start], file), delimiter=sign[1] if sign else ",", strict=True)
        for number, cells in enumerate(lines):
            if number == 0 and cells and cells[0].startswith(f"poll{kind}_"):
                columns = cells
            elif cells and len(cells) != len(columns):
                raise bad(f"A row in the CSV of polls{kind} has not {len(columns)} columns; export it again.")
            elif cells:
                yield dict(zip(columns, cells, strict=True))
    except (csv.Error, UnicodeDecodeError):
        raise bad(f"The CSV of polls{kind} is not UTF-8 in RFC 4180's form; export it so.") from None


class _Tables:
    """What is known of all polls, while rows arrive in any order of the tables."""

    def __init__(self) -> None:
        self._questions: dict[PollKey, Row] = {}
        self._answers: dict[PollKey, dict[int, Row]] = {}
        self._log = VoteLog()

    def add(self, prefix: str, kind: str, row: Row) -> None:
        """Take in a row of a table. Raises PollError when an id is missing or comes twice."""
        poll, answer = (_int(row.get(column)) for column in _IDS[kind])
        if kind == "ip" and poll is not None and answer is not None:
            voter = tuple(row.get(f"pollip_{name}") for name in ("ip", "user", "userid"))
            self._log.add((prefix, poll), _seconds(row.get("pollip_timestamp")), voter, answer)
        elif kind == "ip":
            return  # old logs have such rows
        elif poll is None or answer is None:
            raise bad(f"A row of {prefix}polls{kind} has no id; export the table with all its columns.")
        elif kind == "q" and self._questions.setdefault((prefix, poll), row) is not row:
            raise bad(f"Poll {poll} is there twice; export one WordPress into one file.")
        elif kind == "a" and self._answers.setdefault((prefix, poll), {}).setdefault(answer, row) is not row:
            raise bad(f"Answer {answer} is there twice; export one WordPress into one file.")

    def polls(self, zone: tzinfo) -> list[WpPoll]:
        """All polls, when all rows are in."""
        return [
            _poll(key, row, self._answers.get(key, {}), self._log.pop(key), zone)
            for key, row in sorted(self._questions.items(), key=lambda item: item[0])
        ]


def _poll(key: PollKey, row: Row, answer_rows: Mapping[int, Row], local: Log, zone: tzinfo) -> WpPoll:
    counts = {id_: _int(answer.get("polla_votes")) for id_, answer in sorted(answer_rows.items())}
    votes = {id_: max(0, count or 0) for id_, count in counts.items()}
    answers = tuple(WpAnswer(id_, _plain(answer_rows[id_].get("polla_answers")), votes[id_]) for id_ in votes)
    log: Log = Counter()
    for (minute, picks), count in local.items():
        log[None if minute is None else _unix(minute * 60, zone) // 60, picks] += count
    begins, ends = (_seconds(row.get(f"pollq_{name}")) for name in ("timestamp", "expiry"))
    closes = None if ends is None else _unix(ends, zone)
    first = min((minute * 60 for minute, _ in log if minute is not None), default=closes or 0)
    created = first if begins is None else _unix(begins, zone)
    most = max(1, min(_int(row.get("pollq_multiple")) or 1, len(answers)))
    ballots = reconcile(log, votes, most, _int(row.get("pollq_totalvoters")), created // 60)
    question, active = _plain(row.get("pollq_question")), _int(row.get("pollq_active"))
    notes = list(ballots.notes)
    if any(count is None or count < 0 for count in counts.values()):
        notes.append("An answer's number of votes cannot be read or is below 0; it is counted as 0.")
    if begins is None:
        notes.append("The time when the poll began cannot be read; set when it opens.")
    if closes is not None and closes <= created:
        notes.append("The poll closes before it opens; set its times.")
    return WpPoll(
        id=key[1],
        prefix=key[0],
        question=question,
        answers=answers,
        max_answers=most,
        voters=ballots.cells.total(),
        created_at=created,
        closes_at=closes,
        active=active == 1,
        scheduled=active == -1,
        ballots=ballots.cells,
        notes=tuple(notes),
    )


def _plain(markup: str | None) -> str:
    """What a reader saw of a text: without the backslashes that WP-Polls takes out, and without its HTML."""
    text = (markup or "")[:_LONGEST].replace("\\", "")
    text = _IMAGE.sub(lambda image: f" {image[1] or image[2] or ''} ", _HIDDEN.sub(" ", text))
    text = unescape(_TAG.sub("", _BREAK.sub(" ", text)))
    return " ".join(_CONTROL.sub(" ", text).split())


def _int(text: str | None) -> int | None:
    try:
        return int(text or "") if len(text or "") <= _LONGEST_NUMBER else None
    except ValueError:
        return None


def _seconds(text: str | None) -> int | None:
    """A time as WordPress's clock shows it, in seconds as if that were UTC; None for 0 and for no time."""
    seconds = _int(text) or 0
    return seconds if 0 < seconds < _LATEST else None


def _unix(seconds: int, zone: tzinfo) -> int:
    """The Unix time when the clocks in a zone showed this; the earlier one when they did so twice."""
    return max(0, int(datetime.fromtimestamp(seconds, UTC).replace(tzinfo=zone).timestamp()))
