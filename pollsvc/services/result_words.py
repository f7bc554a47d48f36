"""What is said of a poll and its result in a reader's language: the same on pages, in lists, in pictures."""

from typing import NamedTuple

from pollsvc.domain.poll import Kind, Option, Poll, State, Texts, direction, say
from pollsvc.services.words import Words

_OF = {Kind.MULTIPLE: "of_voters", Kind.RANKED: "of_first"}
"""What percentages are of, where that is not simply the voters."""


class Text(NamedTuple):
    """A text, and the language and direction that it is in."""

    text: str
    lang: str
    dir: str


def question_of(poll: Poll, lang: str) -> Text:
    """A poll's question in one of its languages."""
    return Text(poll.question[lang], lang, direction(lang))


def text_in(texts: Texts, lang: str, default: str) -> Text:
    """A text in a language, else in the `default` one."""
    text = say(texts, lang, default)
    used = next((tag for tag in (lang, default) if texts.get(tag) == text), default)
    return Text(text, used, direction(used))


def label_of(poll: Poll, option: Option, words: Words, lang: str) -> Text:
    """What an answer is called: a rating's are numbers, written as the language does."""
    if poll.kind is Kind.RATING:
        return Text(words.number(option.id), words.lang, words.dir)
    return text_in(option.label, lang, poll.lang)


def answers_of(poll: Poll, lang: str) -> str:
    """The answers that are offered, in one line; empty for a rating."""
    if poll.kind is Kind.RATING:
        return ""
    labels = (f"{option.emoji} {say(option.label, lang, poll.lang)}" for option in poll.active_options)
    return " · ".join(label.strip() for label in labels)


def has_percentages(poll: Poll, voters: int) -> bool:
    """Whether so many voters are enough for percentages."""
    return voters >= max(poll.site.percent_from, 1)


def percent_of(kind: Kind, words: Words) -> str:
    """What percentages are of."""
    return words.say(_OF.get(kind, "of_single"))


def mean_of(poll: Poll, mean: float | None, words: Words) -> str:
    """The mean of a rating, as a sentence; empty where there is none."""
    if mean is None:
        return ""
    return words.say("mean", mean=words.number(mean, 1), scale=words.number(len(poll.active_options)))


def schedule_of(poll: Poll, state: State, words: Words) -> str:
    """When a poll in this state opens, closes or closed; empty where there is no such time."""
    zone = poll.site.time_zone
    if state is State.SCHEDULED and poll.opens_at is not None:
        return words.say("opens", time=words.time(poll.opens_at, zone))
    if poll.closes_at is None:
        return ""
    key = "closed" if state is State.CLOSED else "closes"
    return words.say(key, time=words.time(poll.closes_at, zone))
