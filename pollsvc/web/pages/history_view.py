"""What the page with a poll's history shows: a sentence for each change, and the texts before and after."""

from collections.abc import Sequence
from typing import NamedTuple

from pollsvc.domain.clock import parse_time, rfc3339
from pollsvc.domain.history import Noted, Notice
from pollsvc.domain.poll import Poll, direction
from pollsvc.services.result_words import Text, text_in
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.words import Words, language_name

_TEXTS = frozenset(
    {
        *("order", "question", "label", "alt", "emoji", "imported"),
        *("option_added", "option_retired", "option_restored", "write_in_approved", "write_in_merged"),
    }
)
"""What changed as a text of the poll, which stands as it is."""
_OF_ANSWERS = frozenset({"alt", "emoji", "image"})
"""What is part of an answer that is named beside it."""
_TIMES = frozenset({"opens_at", "closes_at"})
_CHOICES = {"kind": "kind_", "visibility": ""}
"""What is one of several words, under a key that begins so; a value that has no word stands for itself."""
_SWITCHES = frozenset({"allow_change", "shuffle", "write_in", "archived"})
"""What is either so or not, which its sentence says."""


class Change(NamedTuple):
    """A change: when, a sentence, of which answer and in which language, and the texts before and after."""

    at: str
    time: str
    sentence: str
    answer: Text | None
    language: str
    old: Text | None
    new: Text | None


def changes_of(snapshot: Snapshot, history: Sequence[Noted], words: Words, lang: str) -> list[Change]:
    """A poll's history as it is shown, the latest first."""
    teller = _Teller(snapshot.poll, words, lang)
    return [teller.change(noted) for noted in sorted(history, key=lambda one: -one.number)]


class _Teller:
    """Tells the changes of a poll in words, with the labels that its options have now."""

    def __init__(self, poll: Poll, words: Words, lang: str) -> None:
        self._poll = poll
        self._words = words
        self._lang = lang
        self._labels = {option.id: text_in(option.label, lang, poll.lang) for option in poll.options}

    def change(self, noted: Noted) -> Change:
        notice = noted.notice
        old, new = self._shown(notice, notice.old), self._shown(notice, notice.new)
        retired = notice.what == "option_retired"
        return Change(
            at=rfc3339(noted.at),
            time=self._words.time(noted.at, self._poll.site.time_zone),
            sentence=self._sentence(notice),
            answer=self._labels.get(notice.option or 0) if notice.what in _OF_ANSWERS else None,
            language=language_name(notice.lang) if notice.lang and len(self._poll.langs) > 1 else "",
            old=old if old != new or retired else None,
            new=None if retired else new,
        )

    def _sentence(self, notice: Notice) -> str:
        key = f"changed_{notice.what}"
        if notice.what in _SWITCHES:
            key = f"{key}_{notice.new}"
        elif notice.what in ("question", "label") and notice.old is None:
            key = f"translated_{notice.what}"
        return self._words.say(key if self._words.has(key) else "changed_else")

    def _shown(self, notice: Notice, value: str | None) -> Text | None:
        """A value before or after a change, as readers understand it; None where there is nothing to show."""
        what, words = notice.what, self._words
        text = ""
        if what in _TIMES:
            text = words.time(parse_time(value), self._poll.site.time_zone) if value else words.say("no_time")
        elif value is not None and what in _TEXTS:
            used = notice.lang or self._poll.lang
            return Text(value, used, direction(used))
        elif value is not None and what == "picks":
            text = value
        elif value is not None and what in _CHOICES:
            key = _CHOICES[what] + value
            text = words.say(key) if words.has(key) else value
        return Text(text, words.lang, words.dir) if text else None
