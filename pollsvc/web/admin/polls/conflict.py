"""What another editor saved while you were at work, in words."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pollsvc.domain.log import Entry
from pollsvc.web.admin.polls.form import SWITCHES, PollForm
from pollsvc.web.admin.polls.languages import language
from pollsvc.web.admin.polls.merge import Clash

KINDS = {
    "single": ("One answer", "Each reader picks one option."),
    "multiple": ("Several answers", "Each reader picks some of the options."),
    "ranked": ("Ranking", "Readers put options in order; counted in rounds."),
    "rating": ("Rating", "A number from 1 to 5, or to 10."),
    "reaction": ("Reaction", "One emoji of a few."),
}
"""The kinds of polls by value: what they are called, and what they are."""
VISIBILITIES = {
    "always": "Everybody, at any time",
    "after_vote": "Those who voted",
    "after_close": "Everybody, after it closes",
    "never": "Editors only",
}
_NAMES = {
    "lang": "First language",
    "options": "Order of the options",
    "kind": "Kind",
    "least": "Answers at least",
    "most": "Answers at most",
    "scale": "Scale",
    "order": "Order for readers",
    "write_in": "Readers may write an answer",
    "visibility": "Who sees the results",
    "allow_change": "Readers may change their vote",
    "opens_at": "Opens",
    "closes_at": "Closes",
}
_OF_OPTION = {
    "label": "Option",
    "alt": "Image text of option",
    "emoji": "Emoji of option",
    "image": "Image of option",
    "retired": "Retired: option",
}


class Line(NamedTuple):
    """A field in words, with what it was, what they made it, and what it is in your form."""

    field: str
    lang: str
    was: str
    theirs: str
    yours: str
    taken: bool


def lines_of(clashes: Sequence[Clash], form: PollForm) -> list[Line]:
    """What they changed, in words; what is empty on all sides is left out."""
    labels = {row.key: next(filter(None, row.labels), "") for row in form.rows}
    found = []
    for name, was, theirs, yours, taken in clashes:
        if was or theirs or yours:
            field, lang = _field(name, form)
            before, there, here = (_value(name, value, labels) for value in (was, theirs, yours))
            found.append(Line(field, lang, before, there, here, taken))
    return found


def editors_since(entries: Sequence[Entry], revision: int) -> list[Entry]:
    """The entries of the log that made revisions after this one, oldest first."""

    def made(entry: Entry) -> int:
        after = json.loads(entry.after).get("revision", 0)
        return after if isinstance(after, int) else 0

    return [entry for entry in reversed(entries) if made(entry) > revision]


def _field(name: str, form: PollForm) -> tuple[str, str]:
    """A field's name in words, and the language of its text."""
    what, *rest = name.split(":")
    tag = rest[-1] if what in ("question", "label", "alt") else ""
    within = f" in {language(tag).name}" if tag and len(form.langs) > 1 else ""
    if what == "question":
        return f"Question{within}", tag
    if what in _OF_OPTION:
        numbers = {row.key: number for number, row in enumerate(form.rows, 1)}
        return f"{_OF_OPTION[what]} {numbers.get(rest[0], '')}".rstrip() + within, tag
    return _NAMES.get(what, what), ""


def _value(name: str, value: str | None, labels: Mapping[str, str]) -> str:
    what, text = name.partition(":")[0], value or ""
    if what in SWITCHES or what == "retired":
        return "yes" if text else "no"
    said = {
        "options": " · ".join(labels.get(key, "…") for key in text.split()),
        "kind": KINDS.get(text, (text,))[0],
        "visibility": VISIBILITIES.get(text, text),
        "lang": language(text).name if text else "",
        "opens_at": text.replace("T", ", ") or "no time",
        "closes_at": text.replace("T", ", ") or "no time",
        "image": "an image" if text else "none",
    }
    return said.get(what, text)
