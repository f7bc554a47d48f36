"""The words that the widget is sent with a poll: those that its reader can come to see, and no more."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pollsvc.domain.poll import Kind, Poll
from pollsvc.services.result_words import percent_of
from pollsvc.services.words import Words
from pollsvc.services.write_ins import MAX_TEXT

_ALWAYS = (
    *("vote", "sending", "retry", "results", "back", "change", "withdraw", "mine", "thanks"),
    *("withdrawn", "held", "already", "busy", "offline", "refused", "elsewhere"),
    *("error_closed", "error_vouched"),
    *("after_vote", "after_close", "never", "details", "verify", "retired", "other"),
)
_STATES = {"scheduled": "early", "open": "voted", "closed": "late"}
"""What is said in place of the button in each state; in an open poll, to who has voted."""
_JOINED = ("poll", "sample")
"""What is always followed by something else on its line, and so by a dot."""
_RANKED = ("rank_add", "rank_up", "rank_down", "rank_out", "rank_is", "rank_none", "my_rank")
_WRITE_IN = (
    *("own", "own_label", "own_recorded", "error_text", "error_full", "error_no_text", "error_retired"),
    "error_slow_down",
)
_WRITE_IN_LENGTH = ("own_hint", "error_too_long")
_CHANGES = ("error_many_changes",)


class Needs(NamedTuple):
    """All of a poll that the words for its widget depend on; `scale` is how many answers a rating has."""

    kind: Kind
    min_picks: int
    max_picks: int
    scale: int
    write_in: bool
    allow_change: bool
    closes: bool
    percent_from: int

    @classmethod
    def of(cls, poll: Poll) -> "Needs":
        """What a poll needs."""
        return cls(
            poll.kind,
            poll.min_picks,
            poll.max_picks,
            len(poll.active_options) if poll.kind is Kind.RATING else 0,
            poll.write_in,
            poll.allow_change,
            poll.closes_at is not None,
            poll.site.percent_from,
        )


def words_for_widget(needs: Needs, words: Words) -> Mapping[str, Any]:
    """The words by key, as JSON values; a plural is an object by CLDR's category.

    `hint`, `of` and `few` have no text of their own: how many answers to choose, what percentages are of, and
    from how many voters on there are any (empty when from the first).
    """
    keys = [*_ALWAYS]
    if needs.kind is Kind.RANKED:
        keys += _RANKED
    if needs.write_in:
        keys += _WRITE_IN
    if needs.allow_change:
        keys += _CHANGES
    sent: dict[str, Any] = {"lang": words.lang, "dir": words.dir}
    sent |= {key: words.say(key) for key in keys}
    sent |= {
        "voters": words.forms("voters"),
        "states": {state: words.say(key) for state, key in _STATES.items()},
        "times": _times(needs, words),
    }
    sent |= {key: words.say(key) + " · " for key in _JOINED}
    if needs.kind is Kind.RATING:
        sent["mean"] = words.say("mean", scale=words.number(needs.scale))
    if needs.write_in:
        sent |= {key: words.say(key, max=words.number(MAX_TEXT)) for key in _WRITE_IN_LENGTH}
    return sent | {
        "hint": _how(needs, words),
        "of": percent_of(needs.kind, words),
        "few": words.count("few", needs.percent_from) if needs.percent_from > 1 else "",
    }


def _times(needs: Needs, words: Words) -> dict[str, str]:
    """What is said of the schedule in each state; `away` is an open one where its reader cannot vote."""
    end = "closes" if needs.closes else "open"
    keys = {"scheduled": "opens", "open": end, "away": end, "closed": "closed"}
    return {state: words.say(key) for state, key in keys.items()}


def _how(needs: Needs, words: Words) -> str:
    """What to do in the widget's form."""
    if needs.kind is Kind.RATING:
        ends = ((1, "lowest"), (needs.scale, "highest"))
        return " · ".join(f"{words.number(number)} = {words.say(key)}" for number, key in ends)
    if needs.kind is Kind.RANKED:
        return f"{hint_of(needs, words)} · {words.say('rank_how')}"
    return hint_of(needs, words)


def hint_of(poll: Poll | Needs, words: Words) -> str:
    """How many answers to choose, or to rank."""
    least, most = poll.min_picks, poll.max_picks
    exactly, at_most, between = (
        ("rank", "rank_max", "rank_range") if poll.kind is Kind.RANKED else ("pick", "pick_max", "pick_range")
    )
    if least == most:
        return words.count(exactly, least)
    if least == 1:
        return words.count(at_most, most)
    return words.say(between, min=words.number(least), max=words.number(most))
