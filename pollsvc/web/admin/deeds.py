"""The log's entries in words: who did what, and each text or rule as it was before and after."""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pollsvc.domain.clock import parse_time
from pollsvc.domain.log import Entry
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
_BEGINNINGS = ("poll.create", "poll.import")
_OF_IMPORTS = ("origin", "ballots")
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


def deed_of(entry: Entry, zone: str) -> Deed:
    """An entry in words, with times in a time zone; of a poll that came to be, that it did."""
    action = ACTIONS.get(entry.action) or entry.action.replace(".", ": ").replace("_", " ")
    before, after = json.loads(entry.before), json.loads(entry.after)
    if entry.action in _BEGINNINGS:
        after = {name: after[name] for name in _OF_IMPORTS if name in after}
    found = _differences(before, after, zone)
    return Deed(entry, action, [one for one in found if one.old != one.new])


def _differences(
    before: Mapping[str, object], after: Mapping[str, object], zone: str
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
            yield Difference(label, _value(name, was, zone), _value(name, is_, zone))


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


def _value(name: str, value: object, zone: str) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
        case {"min": least, "max": most}:
            return f"{least} to {most}"
    if name.endswith("_at"):
        return when(value if isinstance(value, int) else parse_time(str(value)), zone)
    text = str(value)
    return KINDS[text][0] if name == "kind" and text in KINDS else VISIBILITIES.get(text, text)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _by_id(value: object) -> dict[object, Mapping[str, object]]:
    options = value if isinstance(value, list) else []
    return {one["id"]: one for one in options if isinstance(one, dict) and "id" in one}
