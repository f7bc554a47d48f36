"""What another editor saved while you were at work, in words."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pollsvc.domain.log import Entry
from pollsvc.web.admin.polls.form import SWITCHES, PollForm
from pollsvc.web.admin.polls.languages import language
from pollsvc.web.admin.polls.merge import Clash
from pollsvc.web.admin.polls.terms import FIELDS, KINDS, OF_OPTION, ORDERS, VISIBILITIES, name_of


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
    if what in OF_OPTION:
        numbers = {row.key: number for number, row in enumerate(form.rows, 1)}
        return OF_OPTION[what].format(numbers.get(rest[0], "")).rstrip() + within, tag
    return FIELDS.get(what, what), ""


def _value(name: str, value: str | None, labels: Mapping[str, str]) -> str:
    what, text = name.partition(":")[0], value or ""
    if what in SWITCHES or what == "retired":
        return "yes" if text else "no"
    said = {
        "options": " · ".join(labels.get(key, "…") for key in text.split()),
        "kind": name_of(KINDS, text),
        "visibility": name_of(VISIBILITIES, text),
        "order": ORDERS.get(text, text),
        "lang": language(text).name if text else "",
        "opens_at": text.replace("T", ", ") or "no time",
        "closes_at": text.replace("T", ", ") or "no time",
        "image": "an image" if text else "none",
    }
    return said.get(what, text)
