"""What the list of a site's polls shows of each, in a reader's language."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.place import Place
from pollsvc.domain.poll import Kind, Poll, State
from pollsvc.services.archive import Counted, Part
from pollsvc.services.embed import page_url, site_url, with_query
from pollsvc.services.result_words import (
    Text,
    has_percentages,
    label_of,
    mean_of,
    percent_of,
    question_of,
    schedule_of,
)
from pollsvc.services.words import Words, isolated

_MOST_TIED = 3  # answers that are named in one line


class Lead(NamedTuple):
    """What has come of a poll, in one line; `of` says what the percentage is of."""

    text: Text
    share: str = ""
    of: str = ""


class Entry(NamedTuple):
    """A poll in the list; `at` is the time that `state` tells of, in RFC 3339, or empty."""

    question: Text
    url: str
    open: bool
    state: str
    at: str
    voters: str
    lead: Lead | None


class Filter(NamedTuple):
    """A link to the polls in one state, or to all."""

    name: str
    url: str
    current: bool


class ArchiveView(NamedTuple):
    """All that the template shows. `hidden` are the fields that a search keeps."""

    title: str
    action: str
    query: str
    hidden: Mapping[str, str]
    filters: Sequence[Filter]
    entries: Sequence[Entry]
    newer: str
    older: str
    canonical: str
    feed: str


class Wanted(NamedTuple):
    """What a reader wants to see: the text to look for, the state, and the language, if they said one."""

    query: str
    state: State | None
    lang: str | None


def view_of(part: Part, wanted: Wanted, asked: Place | None, words: Words, base_url: str) -> ArchiveView:
    """The view of a part of a list; `asked` is the place that it begins at."""
    site, state = part.site, wanted.state
    home = site_url(base_url, site)

    def url(
        state: State | None = state, query: str = wanted.query, before: Place | None = None, **more: str
    ) -> str:
        place = before and before.text
        return with_query(home, q=query, state=state, before=place, **more, lang=wanted.lang)

    newer = url(after=part.newer.text) if part.newer else ""
    names = {State.OPEN: "state_open", State.CLOSED: "state_closed"}
    return ArchiveView(
        title=words.say("site_polls", site=site.name),
        action=home,
        query=wanted.query,
        hidden={key: value for key, value in (("state", state), ("lang", wanted.lang)) if value},
        filters=[
            Filter(words.say("search_clear"), url(None, ""), not (wanted.query or state)),
            *(Filter(words.say(name), url(one), one is state) for one, name in names.items()),
        ],
        entries=[entry_of(counted, wanted.lang, words, base_url) for counted in part.polls],
        newer=newer,
        older=url(before=part.older) if part.older else "",
        canonical=url(before=asked) if asked and part.newer else url(),
        feed=with_query(f"{home}.atom", lang=wanted.lang),
    )


def entry_of(counted: Counted, wanted: str | None, words: Words, base_url: str) -> Entry:
    """A poll as it stands in the list of a reader who wants a language; without one, in the site's."""
    poll, state = counted.poll, counted.state
    lang = lang_of(poll, wanted)
    shown = poll.shows_results(state, voted=False)
    return Entry(
        question=question_of(poll, lang),
        url=url_of(poll, wanted, base_url),
        open=state is State.OPEN,
        state=schedule_of(poll, state, words) or words.say("open"),
        at="" if poll.closes_at is None else rfc3339(poll.closes_at),
        voters=words.count("voters", counted.results.voters) if shown else "",
        lead=_lead(counted, words, lang) if shown and state is State.CLOSED else None,
    )


def lang_of(poll: Poll, wanted: str | None) -> str:
    """The language in which a poll stands in the list."""
    return poll.best_lang(wanted or poll.site.locale)


def url_of(poll: Poll, wanted: str | None, base_url: str) -> str:
    """The address of a poll's page, in the language in which it stands in the list."""
    lang = lang_of(poll, wanted)
    return page_url(base_url, poll, wanted or (lang if lang != poll.lang else None))


def _lead(counted: Counted, words: Words, lang: str) -> Lead | None:
    """The mean of a rating, the winner of a ranking, else the answer with the most votes."""
    poll, results = counted.poll, counted.results
    if not has_percentages(poll, results.voters):
        return None
    if poll.kind is Kind.RATING:
        return Lead(Text(mean_of(poll, results.mean, words), words.lang, words.dir))
    labels = {0: Text(words.say("other"), words.lang, words.dir)}
    for option in poll.shown_options:
        label = label_of(poll, option, words, lang)
        labels[option.id] = label._replace(text=f"{option.emoji} {label.text}".strip())
    if poll.kind is Kind.RANKED:
        return _outcome([labels[id_].text for id_ in counted.winners], words)
    counts = {**results.options, **({0: results.other} if results.other else {})}
    most = max(counts.values(), default=0)
    leading = [id_ for id_, count in counts.items() if count == most > 0]
    share = words.percent(most / results.voters)
    of = percent_of(poll.kind, words)
    if len(leading) == 1:
        return Lead(labels[leading[0]], share, of)
    tie = _outcome([labels[id_].text for id_ in leading], words)
    return tie and tie._replace(share=share, of=of)


def _outcome(names: Sequence[str], words: Words) -> Lead | None:
    if not 1 <= len(names) <= _MOST_TIED:
        return None
    if len(names) == 1:
        return Lead(_said(words, "won", name=isolated(names[0])))
    return Lead(_said(words, "tied", names=words.names(names)))


def _said(words: Words, key: str, **values: object) -> Text:
    return Text(words.say(key, **values), words.lang, words.dir)
