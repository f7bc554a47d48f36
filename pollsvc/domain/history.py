"""A poll's public history: every change that readers could notice, with the old and the new text."""

from typing import NamedTuple

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.poll import Option, OptionState, Poll, say

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
        notices += _of_option(known.get(option.id), option, after)
    if before.kind is not after.kind:
        notices.append(Notice("kind", before.kind, after.kind))
    if (before.min_picks, before.max_picks) != (after.min_picks, after.max_picks):
        notices.append(
            Notice("picks", f"{before.min_picks}–{before.max_picks}", f"{after.min_picks}–{after.max_picks}")
        )
    was, is_ = common_orders(before, after)
    if was != is_:
        old_order, new_order = (" · ".join(_label(after, id_) for id_ in order) for order in (was, is_))
        notices.append(Notice("order", old_order, new_order))
    values = [
        *((name, _time(getattr(before, name)), _time(getattr(after, name))) for name in _TIMES),
        *((name, _word(getattr(before, name)), _word(getattr(after, name))) for name in _CHOICES),
        ("archived", _word(before.archived_at is not None), _word(after.archived_at is not None)),
        ("replaced_by", before.replaced_by, after.replaced_by),
    ]
    return notices + [Notice(what, old, new) for what, old, new in values if old != new]


def _label(poll: Poll, id_: int) -> str:
    """What an option is called now: what history tells must stand when it is called otherwise later."""
    label = next((option.label for option in poll.options if option.id == id_), {})
    return say(label, poll.lang, poll.lang)


def _of_option(old: Option | None, new: Option, poll: Poll) -> list[Notice]:
    """What changed of an option; a write-in is news only when it is approved or merged."""
    hidden = (OptionState.PENDING, OptionState.REJECTED)
    name = _label(poll, new.id)
    if new.state in hidden:
        return []
    if old is None:
        return [Notice("option_added", None, name, new.id)]
    if new.state is OptionState.MERGED:
        if old.state is OptionState.MERGED:
            return []
        return [Notice("write_in_merged", name, _label(poll, new.merged_into or 0), new.id)]
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


def common_orders(before: Poll, after: Poll) -> tuple[list[int], list[int]]:
    """The ids of the options that both definitions show, in the order of each."""
    was, is_ = (dict.fromkeys(option.id for option in poll.shown_options) for poll in (before, after))
    return [id_ for id_ in was if id_ in is_], [id_ for id_ in is_ if id_ in was]


def _word(value: object) -> str:
    return str(value).lower()


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)
