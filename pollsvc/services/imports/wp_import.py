"""Importing the polls of WP-Polls: each becomes a poll with its votes, as far as WordPress kept them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple
from unicodedata import category

from pollsvc.domain.ballot import COUNTS
from pollsvc.domain.clock import Clock, minute_of
from pollsvc.domain.errors import PollError, bad
from pollsvc.domain.log import Actor
from pollsvc.domain.poll import Kind, Poll, Site
from pollsvc.domain.text import folded_text
from pollsvc.services.editing.definitions import (
    MAX_LABEL,
    MAX_OPTIONS,
    MAX_QUESTION,
    MAX_TIME,
    define,
)
from pollsvc.services.editing.new_poll import NewPoll
from pollsvc.services.exports.sections import Progress
from pollsvc.services.imports.intake import Imported, ImportMeans, Intake, intake, same_question
from pollsvc.services.imports.wp_polls import WpPoll
from pollsvc.services.languages import is_lang, unknown_lang
from pollsvc.storage.database import Connection

MAX_VOTES = 10_000_000
"""The most votes of a poll that are imported, far more than WP-Polls takes; a dump can claim any number."""

_ORIGIN = "WP-Polls"


class Plan(NamedTuple):
    """What a poll of WP-Polls is to become; without `poll` nothing, for the reason in the notes."""

    source: WpPoll
    poll: Poll | None
    notes: Sequence[str]


def plan(
    site: Site, polls: Iterable[WpPoll], now: int, *, keep_open: bool = False, lang: str | None = None
) -> list[Plan]:
    """What each of these polls is to become, in their order; texts are in `lang`, else the site's language.

    Closed, with the times that WordPress knows; with `keep_open` those that are open there stay open here.
    Raises PollError `bad_request` for a language that nobody knows.
    """
    if lang is not None and not is_lang(lang):
        raise bad(unknown_lang(lang), "lang")
    return [_planned(site, source, now, keep_open, lang) for source in polls]


async def import_wp_polls(
    connection: Connection,
    site: Site,
    polls: Iterable[WpPoll],
    actor: Actor,
    *,
    clock: Clock,
    keep_open: bool = False,
    lang: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[Imported]:
    """Make polls of a site out of those of WP-Polls, as `plan` says, with their votes.

    Each vote becomes a ballot of a voter of its own, signed by us, in the minute that WordPress logged.
    `connection` is used by nobody else meanwhile, and votes go on. When something fails, the poll that was
    being imported is removed, and those before it stay. With `dry_run` nothing is made, only told.
    """
    now = int(clock())
    plans = plan(site, polls, now, keep_open=keep_open, lang=lang)
    total = sum(each.source.voters for each in plans if each.poll is not None)
    done, made = 0, []
    for source, poll, notes in plans:
        if poll is None:
            made.append(Imported(source.question, None, 0, notes))
            continue
        asked = await same_question(connection, site, poll)
        if dry_run:
            made.append(Imported(source.question, poll, source.voters, [*notes, *asked]))
            continue
        written = _nobody if progress is None else _further(progress, done, total)
        async with intake(ImportMeans(connection, actor, clock), poll, written) as taking:
            await _fill(taking, source, poll, now)
            finished = await taking.finish((), _ORIGIN)
        done += taking.ballots
        made.append(Imported(source.question, finished, taking.ballots, [*notes, *asked]))
    return made


async def _fill(taking: Intake, source: WpPoll, poll: Poll, now: int) -> None:
    ids = {answer.id: option.id for answer, option in zip(source.answers, poll.options, strict=True)}
    latest = minute_of(now)
    for (minute, picks), count in source.ballots.items():
        selection = ",".join(map(str, sorted(ids[pick] for pick in picks)))
        await taking.add(0, min(max(minute, 0), latest), selection, COUNTS, count)


def _planned(site: Site, source: WpPoll, now: int, keep_open: bool, lang: str | None) -> Plan:
    notes = list(source.notes)
    if not 2 <= len(source.answers) <= MAX_OPTIONS:
        notes.append(f"A poll needs 2 to {MAX_OPTIONS} answers; this one has {len(source.answers)}.")
        return Plan(source, None, [*notes, "It is left out."])
    if source.voters > MAX_VOTES:
        notes.append(
            f"A poll can be imported with {MAX_VOTES:,} votes at most; this one has {source.voters:,}."
        )
        return Plan(source, None, [*notes, "It is left out."])
    later = sum(count for (minute, _), count in source.ballots.items() if minute > minute_of(now))
    if later:
        notes.append(f"Votes that were logged after now: {later:,}; they are put into this minute.")
    question = _text(source.question, f"Poll {source.id}", MAX_QUESTION, "The question", notes)
    opens_at, closes_at = _schedule(source, now, keep_open)
    new = NewPoll(
        question=question,
        options=_labels(source, notes),
        lang=lang,
        kind=Kind.MULTIPLE if source.max_answers > 1 else Kind.SINGLE,
        max_picks=source.max_answers,
        opens_at=opens_at,
        closes_at=closes_at,
    )
    try:
        poll = define(new, site, None, now)
    except PollError as error:
        return Plan(source, None, [*notes, error.message, "It is left out."])
    return Plan(source, replace(poll, created_at=min(source.created_at, now)), notes)


def _labels(source: WpPoll, notes: list[str]) -> list[str]:
    """The answers as labels that differ."""
    labels: list[str] = []
    known: set[str] = set()
    for number, answer in enumerate(source.answers, 1):
        name = f"Answer {number}"
        label = plain = _text(answer.label, name, MAX_LABEL, name, notes)
        times = 1
        while folded_text(label) in known:
            times += 1
            mark = f" ({times})"
            label = plain[: MAX_LABEL - len(mark)].rstrip() + mark
        if times > 1:
            notes.append(f"{name} is “{label}” here.")
        labels.append(label)
        known.add(folded_text(label))
    return labels


def _text(text: str, default: str, limit: int, what: str, notes: list[str]) -> str:
    """A text in one line that is not empty, not too long and can be shown."""
    line = " ".join("".join(" " if category(char) in {"Cc", "Cs"} else char for char in text).split())
    if not line:
        notes.append(f"{what} is empty; it is “{default}” here.")
        return default
    if len(line) > limit:
        notes.append(f"{what} is longer than {limit} characters; its end is cut off.")
        return line[: limit - 1].rstrip() + "…"
    return line


def _schedule(source: WpPoll, now: int, keep_open: bool) -> tuple[int | None, int | None]:
    """When a poll opens and closes here.

    When WordPress knows only that a poll was closed, it closes after its last vote.
    """
    opens = min(source.created_at, MAX_TIME)
    closes = (
        source.closes_at if source.closes_at is not None and opens < source.closes_at <= MAX_TIME else None
    )
    if keep_open and (source.active or source.scheduled):
        return opens, closes
    if closes is None or closes > now:
        last = max((minute for minute, _ in source.ballots), default=0)
        closes = now if source.active or source.scheduled else min(max((last + 1) * 60, opens + 60), now)
    return (opens if opens < closes else None), closes


def _further(progress: Progress, before: int, total: int) -> Callable[[int], None]:
    return lambda ballots: progress(before + ballots, total)


def _nobody(_: int) -> None:
    """Nobody waits to see the progress."""
