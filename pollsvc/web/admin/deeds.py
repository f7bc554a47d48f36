"""The log's entries in words: who did what, and each text or rule as it was before and after."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from starlette.requests import Request

from pollsvc.domain.clock import parse_time
from pollsvc.domain.errors import bad
from pollsvc.domain.log import Entry
from pollsvc.web.admin.polls.languages import language
from pollsvc.web.admin.polls.terms import (
    FIELDS,
    KINDS,
    OF_OPTION,
    OPTION_STATES,
    ORDERS,
    OUTCOMES,
    REASONS,
    VISIBILITIES,
    name_of,
)
from pollsvc.web.admin.render import when
from pollsvc.web.numbers import whole

ACTIONS = {
    "poll.create": "created the poll",
    "poll.edit": "changed the poll",
    "poll.open": "opened the poll",
    "poll.publish": "published the poll",
    "poll.close": "closed the poll",
    "poll.archive": "put the poll into the archive",
    "poll.unarchive": "took the poll out of the archive",
    "poll.purge": "destroyed the key by which the poll knew its readers",
    "poll.replace": "put a new version in the poll’s place",
    "poll.attach": "put the poll on an article",
    "poll.detach": "took the poll from an article",
    "poll.import": "brought votes from elsewhere",
    "poll.approve_write_in": "approved an answer that readers wrote",
    "poll.merge_write_in": "merged an answer that readers wrote",
    "poll.reject_write_in": "rejected an answer that readers wrote",
    "ballots.hold": "held ballots back",
    "ballots.release": "let ballots count",
    "ballots.publish": "published the ballots",
    "ballots.withdraw": "withdrew the published ballots",
    "ballots.exclude": "excluded ballots",
    "alert.dismiss": "dismissed an alert",
    "article.order": "changed the order of the article’s polls",
    "site.add": "added the site",
    "site.change": "changed the site",
    "editor.add": "added the editor",
    "editor.role": "gave the editor another role",
    "editor.password": "gave the editor a new password",
    "editor.disable": "disabled the editor",
    "editor.enable": "let the editor sign in again",
    "editor.sign_in": "signed in",
    "editor.sign_out": "signed out",
    "key.add": "made the API key",
    "key.revoke": "revoked the API key",
    "webhook.add": "added the webhook",
    "webhook.rotate": "gave the webhook a new secret",
    "webhook.remove": "removed the webhook",
}
_NAMES = {
    **FIELDS,
    "origin": "From",
    "polls": "Order",
    "locale": "Language",
    "percent_from": "Percentages from",
    "url": "Address",
    "network": "Network",
    "alert": "Alert",
    "note": "Note",
    "outcome": "They are",
    "why": "Because",
    "scopes": "May",
}
_BEGINNINGS = ("poll.create", "poll.import")
_OF_IMPORTS = ("origin", "ballots")
_LEFT_OUT = frozenset(
    {"id", "site", "revision", "created_at", "state", "disabled", "revoked", "rotated_at", "key"}
)
"""What an entry's action says already, or nobody needs to read."""


_MINUTES = frozenset({"since", "until"})  # of a rule

_WORDS: Mapping[str, Callable[[str], str]] = {
    "kind": lambda text: name_of(KINDS, text),
    "visibility": lambda text: name_of(VISIBILITIES, text),
    "order": lambda text: ORDERS.get(text, text),
    "lang": lambda text: language(text).name,
    "locale": lambda text: language(text).name,
    "time_zone": lambda text: text.replace("_", " "),
    "outcome": lambda text: OUTCOMES.get(text, text),
    "status": lambda text: OUTCOMES.get(text, text),
    "why": lambda text: REASONS.get(text, text),
    "reason": lambda text: REASONS.get(text, text),
}
"""What makes words of the value of a field."""


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


def before_of(request: Request) -> int | None:
    """The number of the entry before which a page of the log begins. Raises PollError `bad_request`."""
    text = request.query_params.get("before", "")
    number = whole(text, 18)
    if text and number is None:
        raise bad("Follow the links between the log’s pages.", "before")
    return number


def deed_of(entry: Entry, zone: str) -> Deed:
    """An entry in words, with times in a time zone; of a poll that came to be, that it did.

    What stands in an entry for ever, of whatever version, is shown as it is where it has no words.
    """
    action = ACTIONS.get(entry.action) or entry.action.replace(".", ": ").replace("_", " ")
    before, after = _mapping(json.loads(entry.before)), _mapping(json.loads(entry.after))
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
        for key in ("label", "alt"):
            yield from _texts(OF_OPTION[key].format(id_), before.get(key), after.get(key))
        for key in ("emoji", "image", "state", "merged_into"):
            if before and after:
                values = (_of_option(key, one.get(key), new) for one in (before, after))
                yield Difference(OF_OPTION[key].format(id_), *values)
        if before and after and before.get("image") and after.get("image") not in (None, before["image"]):
            yield Difference(OF_OPTION["image"].format(id_), "an image", "another image")
    orders = [[id_ for id_ in one if id_ in old and id_ in new] for one in (old, new)]
    yield Difference(FIELDS["options"], *(", ".join(map(str, order)) for order in orders))


def _of_option(key: str, value: object, options: Mapping[int, Mapping[str, object]]) -> str:
    """A part of an option in words; an option that it counts for by its label."""
    if not value:
        return "none" if key == "image" else ""
    if key == "image":
        return "an image"
    if key == "merged_into" and isinstance(value, int):
        return next(map(str, _mapping(options.get(value, {}).get("label")).values()), f"option {value}")
    return OPTION_STATES.get(str(value), str(value)) if key == "state" else str(value)


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
    if name.endswith("_at") or name in _MINUTES:
        return _time(value * 60 if name in _MINUTES and isinstance(value, int) else value, zone)
    return _WORDS[name](str(value)) if name in _WORDS else str(value)


def _time(value: object, zone: str) -> str:
    try:
        return when(value if isinstance(value, int) else parse_time(str(value)), zone)
    except (ValueError, OverflowError, OSError):
        return str(value)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _by_id(value: object) -> dict[int, Mapping[str, object]]:
    options = value if isinstance(value, list) else []
    return {one["id"]: one for one in options if isinstance(one, dict) and isinstance(one.get("id"), int)}
