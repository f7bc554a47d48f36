"""The log's entries of a poll in words: who did what, and each text or rule as it was before and after."""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pollsvc.domain.clock import parse_time
from pollsvc.domain.log import Entry
from pollsvc.domain.poll import Poll
from pollsvc.web.admin.polls.conflict import KINDS, VISIBILITIES
from pollsvc.web.admin.polls.languages import language
from pollsvc.web.admin.render import when

ACTIONS = {
    "poll.create": "created the poll",
    "poll.edit": "changed the poll",
    "poll.open": "opened the poll",
    "poll.publish": "published the poll",
    "poll.close": "closed the poll",
    "poll.archive": "put the poll into the archive",
    "poll.unarchive": "took the poll out of the archive",
    "poll.replace": "put a new version in the poll’s place",
    "poll.attach": "put the poll on an article",
    "poll.detach": "took the poll from an article",
    "poll.import": "brought votes from elsewhere",
    "poll.approve_write_in": "approved an answer that readers wrote",
    "poll.merge_write_in": "merged an answer that readers wrote",
    "poll.reject_write_in": "rejected an answer that readers wrote",
}
_NAMES = {
    "lang": "First language",
    "opens_at": "Opens",
    "closes_at": "Closes",
    "picks": "Answers to pick",
    "visibility": "Who sees the results",
    "allow_change": "Readers may change their vote",
    "write_in": "Readers may write an answer",
    "replaced_by": "Replaced by",
}
_LEFT_OUT = frozenset({"id", "site", "revision", "created_at", "state"})
_OF_OPTION = {
    "emoji": "emoji",
    "image": "image",
    "state": "state",
    "merged_into": "counts for option",
}


class Difference(NamedTuple):
    """What changed of one thing; `lang` is that of the texts, if they are the poll's."""

    name: str
    old: str
    new: str
    lang: str = ""


class Deed(NamedTuple):
    """An entry of the log, to be read."""

    entry: Entry
    action: str
    differences: list[Difference]


def deed_of(entry: Entry, poll: Poll) -> Deed:
    """An entry in words; of a poll's creation, that it was created."""
    action = ACTIONS.get(entry.action, entry.action.replace(".", ": ").replace("_", " "))
    if entry.action == "poll.create":
        return Deed(entry, action, [])
    found = _differences(json.loads(entry.before), json.loads(entry.after), poll)
    return Deed(entry, action, [one for one in found if one.old != one.new])


def _differences(
    before: Mapping[str, object], after: Mapping[str, object], poll: Poll
) -> Iterator[Difference]:
    for name in dict.fromkeys((*before, *after)):
        was, is_ = before.get(name), after.get(name)
        if name == "question":
            yield from _texts("Question", was, is_)
        elif name == "options":
            yield from _options(was, is_)
        elif name not in _LEFT_OUT:
            shown = name.replace("_", " ")
            label = _NAMES.get(name, shown[:1].upper() + shown[1:])
            yield Difference(label, _value(name, was, poll), _value(name, is_, poll))


def _texts(name: str, was: object, is_: object) -> Iterator[Difference]:
    """Texts by language, one difference for each."""
    old, new = _mapping(was), _mapping(is_)
    tags = dict.fromkeys((*old, *new))
    for tag in tags:
        label = f"{name} in {language(tag).name}" if len(tags) > 1 else name
        yield Difference(label, str(old.get(tag, "")), str(new.get(tag, "")), tag)


def _options(was: object, is_: object) -> Iterator[Difference]:
    old, new = _by_id(was), _by_id(is_)
    for id_ in dict.fromkeys((*old, *new)):
        before, after = old.get(id_, {}), new.get(id_, {})
        yield from _texts(f"Option {id_}", before.get("label"), after.get("label"))
        yield from _texts(f"Image text of option {id_}", before.get("alt"), after.get("alt"))
        for key, name in _OF_OPTION.items():
            if before and after:
                yield Difference(f"Option {id_}, {name}", str(before.get(key, "")), str(after.get(key, "")))
    orders = [[id_ for id_ in one if id_ in old and id_ in new] for one in (old, new)]
    yield Difference("Order of the options", *(", ".join(map(str, order)) for order in orders))


def _value(name: str, value: object, poll: Poll) -> str:
    if value is None or value == []:
        return ""
    if name.endswith("_at"):
        return when(parse_time(str(value)), poll.site.time_zone)
    if name == "picks":
        picks = _mapping(value)
        return f"{picks.get('min')} to {picks.get('max')}"
    if name == "kind":
        return KINDS.get(str(value), (str(value),))[0]
    words = {True: "yes", False: "no"} if isinstance(value, bool) else VISIBILITIES
    return str(words.get(value, value))  # type: ignore[call-overload]


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _by_id(value: object) -> dict[object, Mapping[str, object]]:
    options = value if isinstance(value, list) else []
    return {one["id"]: one for one in options if isinstance(one, dict) and "id" in one}
