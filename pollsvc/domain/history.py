"""A poll's public history: every change that readers could notice, with the old and the new text."""

from typing import NamedTuple

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.poll import Option, OptionState, Poll

_CHOICES = ("visibility", "allow_change", "shuffle", "write_in")
_TIMES = ("opens_at", "closes_at")


class Notice(NamedTuple):
    """One change: `what` changed (`question`, `label`, `alt`, `option_added`, `option_retired`,
    `option_restored`, `write_in_approved`, `write_in_merged`, `emoji`, `image`, `order`, `kind`, `picks`,
    `opens_at`, `closes_at`, `visibility`, `allow_change`, `shuffle`, `write_in`, `published`, `replaced_by`,
    `imported`, `archived`), of which option, in which language, from which text to which."""

    what: str
    old: str | None
    new: str | None
    option: int | None = None
    lang: str | None = None


class Noted(NamedTuple):
    """A notice in a poll's history, with its number and its time (Unix seconds)."""

    number: int
    at: int
    notice: Notice


def noticeable(before: Poll, after: Poll) -> list[Notice]:
    """What readers could notice between two definitions of a poll; of a draft, nobody saw anything."""
    if before.draft:
        return [] if after.draft else [Notice("published", None, None)]
    notices = [
        Notice("question", before.question.get(lang), after.question.get(lang), lang=lang)
        for lang in dict.fromkeys((*before.langs, *after.langs))
        if before.question.get(lang) != after.question.get(lang)
    ]
    known = {option.id: option for option in before.options}
    for option in after.options:
        notices += _of_option(known.get(option.id), option, after.lang)
    if before.kind is not after.kind:
        notices.append(Notice("kind", before.kind, after.kind))
    if (before.min_picks, before.max_picks) != (after.min_picks, after.max_picks):
        notices.append(
            Notice("picks", f"{before.min_picks}–{before.max_picks}", f"{after.min_picks}–{after.max_picks}")
        )
    was, is_ = _common_order(before, after), _common_order(after, before)
    if was != is_:
        notices.append(Notice("order", was, is_))
    values = [
        *((name, _time(getattr(before, name)), _time(getattr(after, name))) for name in _TIMES),
        *((name, _word(getattr(before, name)), _word(getattr(after, name))) for name in _CHOICES),
        ("archived", _word(before.archived_at is not None), _word(after.archived_at is not None)),
        ("replaced_by", before.replaced_by, after.replaced_by),
    ]
    return notices + [Notice(what, old, new) for what, old, new in values if old != new]


def _of_option(old: Option | None, new: Option, lang: str) -> list[Notice]:
    """What changed of an option; a write-in is news only when it is approved or merged."""
    hidden = (OptionState.PENDING, OptionState.REJECTED)
    name = new.label[lang] if lang in new.label else next(iter(new.label.values()))
    if new.state in hidden:
        return []
    if old is None:
        return [Notice("option_added", None, name, new.id)]
    if new.state is OptionState.MERGED:
        if old.state is OptionState.MERGED:
            return []
        return [Notice("write_in_merged", name, str(new.merged_into), new.id)]
    if old.state in (*hidden, OptionState.MERGED):
        return [Notice("write_in_approved", None, name, new.id)]
    notices = []
    if old.state is not new.state:
        retired = new.state is OptionState.RETIRED
        notices.append(Notice("option_retired" if retired else "option_restored", name, name, new.id))
    for what in ("label", "alt"):
        was, is_ = getattr(old, what), getattr(new, what)
        notices += [
            Notice(what, was.get(each), is_.get(each), new.id, each)
            for each in dict.fromkeys((*was, *is_))
            if was.get(each) != is_.get(each)
        ]
    notices += [
        Notice(what, getattr(old, what) or None, getattr(new, what) or None, new.id)
        for what in ("emoji", "image")
        if getattr(old, what) != getattr(new, what)
    ]
    return notices


def _common_order(poll: Poll, other: Poll) -> str:
    """The ids, in order, of the options that both definitions show."""
    shown = {option.id for option in other.shown_options}
    return ", ".join(str(option.id) for option in poll.shown_options if option.id in shown)


def _word(value: object) -> str:
    return str(value).lower()


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)
