"""What a poll's page shows of its result: a line for each answer, and the rounds of a ranking."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pollsvc.domain.poll import Kind, OptionState, Poll, State
from pollsvc.domain.ranking import Runoff, Tie
from pollsvc.services.result_words import Text, has_percentages, label_of, percent_of, text_in
from pollsvc.services.rounds import Count
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.words import Words, isolated


class Picture(NamedTuple):
    """An option's image: its address, what it shows in words, and its size in pixels."""

    url: str
    alt: str
    width: int
    height: int


class Line(NamedTuple):
    """An answer's line in the result; `share` is None below the least number of voters.

    `mine` says what the reader's own vote has to do with it, `note` what is special about the answer.
    """

    label: Text
    emoji: str
    picture: Picture | None
    votes: str
    share: str | None
    percent: int
    mine: str
    note: str


class Row(NamedTuple):
    """An answer's way through the rounds: its votes in each that it was in; `out` when it left."""

    label: Text
    votes: Sequence[str]
    out: bool
    won: bool


class Table(NamedTuple):
    """The rounds of a ranking: answers, the best first, and beside them the points of each."""

    outcome: str
    counted: str
    rounds: Sequence[str]
    rows: Sequence[Row]
    exhausted: Sequence[str]
    notes: Sequence[str]
    points: Sequence[tuple[Text, str]]


def lines_of(
    snapshot: Snapshot, words: Words, lang: str, own: Sequence[int], pictures: Mapping[str, Picture]
) -> list[Line]:
    """The result by answer; `own` is what the reader picked, as it counts (`selection.folded`)."""
    poll, results = snapshot.poll, snapshot.results
    enough = has_percentages(poll, results.voters)

    def line(option: int, label: Text, count: int, note: str = "", emoji: str = "", image: str = "") -> Line:
        share = count / results.voters if enough else 0.0
        return Line(
            label=label,
            emoji=emoji,
            picture=pictures.get(image),
            votes=words.count("votes", count),
            share=words.percent(share) if enough else None,
            percent=round(100 * share),
            mine=_mine(poll, words, option, own),
            note=note,
        )

    lines = []
    for option in poll.shown_options:
        if option.id in results.options:
            retired = words.say("retired") if option.state is OptionState.RETIRED else ""
            label = label_of(poll, option, words, lang)
            lines.append(
                line(option.id, label, results.options[option.id], retired, option.emoji, option.image)
            )
    if poll.write_in or results.other:
        label = Text(words.say("other"), words.lang, words.dir)
        lines.append(line(0, label, results.other, words.say("other_note")))
    return lines


def caption_of(snapshot: Snapshot, words: Words) -> str:
    """What the numbers of the result are of; empty where that needs no words."""
    poll = snapshot.poll
    if has_percentages(poll, snapshot.results.voters):
        return percent_of(poll.kind, words)
    return words.say("first") if poll.kind is Kind.RANKED else ""


def table_of(snapshot: Snapshot, count: Count, words: Words, lang: str) -> Table:
    """The rounds of a ranking that has votes."""
    poll, counted = snapshot.poll, count.runoff
    labels = {option.id: text_in(option.label, lang, poll.lang) for option in poll.shown_options}
    last = {option: place for place, round_ in enumerate(counted.rounds) for option in round_.counts}
    order = sorted(
        last, key=lambda option: (-last[option], -counted.rounds[last[option]].counts[option])
    )  # sorted keeps the shown order of those that are level
    points = sorted(count.borda, key=lambda option: -count.borda[option])
    return Table(
        outcome=_outcome(snapshot.state, counted.winners, labels, words),
        counted=words.count("counted_from", count.voters),
        rounds=[words.say("round", n=words.number(n)) for n in range(1, len(counted.rounds) + 1)],
        rows=[
            Row(
                label=labels[option],
                votes=[words.number(one.counts[option]) for one in counted.rounds if option in one.counts],
                out=option in counted.rounds[last[option]].eliminated,
                won=option in counted.winners,
            )
            for option in order
        ],
        exhausted=[words.number(round_.exhausted) for round_ in counted.rounds],
        notes=_notes(counted, words),
        points=[(labels[option], words.number(count.borda[option])) for option in points],
    )


def _mine(poll: Poll, words: Words, option: int, own: Sequence[int]) -> str:
    if option not in own:
        return ""
    if poll.kind is Kind.RANKED:
        return words.say("my_rank", rank=words.number(own.index(option) + 1))
    return words.say("mine")


def _outcome(state: State, winners: Sequence[int], labels: Mapping[int, Text], words: Words) -> str:
    if len(winners) > 1:
        return words.say("tied", names=words.names([labels[option].text for option in winners]))
    key = "won" if state is State.CLOSED else "leads"
    return words.say(key, name=isolated(labels[winners[0]].text)) if winners else ""


def _notes(counted: Runoff, words: Words) -> list[str]:
    """How ties for the fewest votes were broken."""
    keys = {Tie.EARLIER_ROUND: "tie_earlier_round", Tie.ID: "tie_id"}
    return [
        words.say(keys[round_.tie], n=words.number(number))
        for number, round_ in enumerate(counted.rounds, 1)
        if round_.tie is not None
    ]
