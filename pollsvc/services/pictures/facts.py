"""What a picture says of a poll: its result as everybody may see it, in words, at one moment."""

from collections.abc import Sequence
from typing import NamedTuple

from pollsvc.domain.poll import Kind, OptionState, State
from pollsvc.services.result_words import (
    Text,
    has_percentages,
    label_of,
    mean_of,
    percent_of,
    question_of,
    schedule_of,
)
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.words import Words


class Line(NamedTuple):
    """An answer. `place` is its number in the list that readers see.

    `share` is that of voters from 0 to 1, and 0 where there is none to show; `value` says it, or the `number`
    of votes, which `votes` says in words. `most`: no answer has more. `note` is what is special of it.
    """

    place: str
    label: Text
    number: int
    share: float
    value: str
    votes: str
    most: bool
    note: str


class Facts(NamedTuple):
    """A poll and its result, all of it as text; what there is nothing to say of is empty.

    Where the result is not public, `shown` is false, lines have no numbers, and `voters` says who sees it.
    `percents` tells whether the values are percentages; below the least number of voters they are votes.
    """

    site: str
    question: Text
    words: Words
    shown: bool
    percents: bool
    rating: bool
    lines: Sequence[Line]
    mean: str
    voters: str
    caption: str
    state: str
    open: bool
    as_of: str
    sample: str


def facts_of(snapshot: Snapshot, words: Words, lang: str, now: float) -> Facts:
    """The facts of a poll in one of its languages, at Unix time `now`."""
    poll, results = snapshot.poll, snapshot.results
    shown = poll.shows_results(snapshot.state, voted=False)
    return Facts(
        site=poll.site.name,
        question=question_of(poll, lang),
        words=words,
        shown=shown,
        percents=shown and has_percentages(poll, results.voters),
        rating=poll.kind is Kind.RATING,
        lines=_lines(snapshot, words, lang, shown=shown),
        mean=mean_of(poll, results.mean, words) if shown else "",
        voters=words.count("voters", results.voters) if shown else words.say(poll.visibility),
        caption=_caption(snapshot, words) if shown else "",
        state=schedule_of(poll, snapshot.state, words) or words.say("state_open"),
        open=snapshot.state is State.OPEN,
        as_of=words.say("as_of", time=words.time(int(now), poll.site.time_zone)) if shown else "",
        sample=words.say("sample"),
    )


def leading(lines: Sequence[Line], most: int) -> tuple[Sequence[Line], int]:
    """The lines, or of more than so many those with the most votes; and how many are left out."""
    if len(lines) <= most:
        return lines, 0
    return sorted(lines, key=lambda line: -line.number)[:most], len(lines) - most


def _lines(snapshot: Snapshot, words: Words, lang: str, *, shown: bool) -> list[Line]:
    poll, results = snapshot.poll, snapshot.results
    options = poll.shown_options if shown else poll.active_options
    found: list[tuple[Text, int, str]] = []
    for option in options:
        if option.id not in results.options:
            continue
        note = words.say("retired") if option.state is OptionState.RETIRED else ""
        found.append((label_of(poll, option, words, lang), results.options[option.id], note))
    if shown and (poll.write_in or results.other):
        found.append((Text(words.say("other"), words.lang, words.dir), results.other, ""))
    if not shown:
        return [
            Line(words.number(place), label, 0, 0.0, "", "", most=False, note="")
            for place, (label, _, _) in enumerate(found, 1)
        ]
    enough, top = has_percentages(poll, results.voters), max((count for _, count, _ in found), default=0)
    return [
        Line(
            place=words.number(place),
            label=label,
            number=count,
            share=min(1.0, count / results.voters) if enough else 0.0,
            value=words.percent(count / results.voters) if enough else words.number(count),
            votes=words.count("votes", count),
            most=0 < count == top,
            note=note,
        )
        for place, (label, count, note) in enumerate(found, 1)
    ]


def _caption(snapshot: Snapshot, words: Words) -> str:
    """What the numbers are of, or from when on there are percentages."""
    kind, least = snapshot.poll.kind, snapshot.poll.site.percent_from
    if has_percentages(snapshot.poll, snapshot.results.voters):
        return percent_of(kind, words)
    few = [words.count("few", least)] if least > 1 else []
    first = [words.say("first")] if kind is Kind.RANKED else []
    return " · ".join(first + few)
