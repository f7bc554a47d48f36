"""From a poll's form to the poll that it asks for, and from what is wrong with that back to the fields."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from pollsvc.domain.errors import PollError
from pollsvc.domain.poll import Kind, Poll, Site, Visibility
from pollsvc.services.editing.definitions import define
from pollsvc.services.editing.new_poll import NewOption, NewPoll, Problems
from pollsvc.services.editing.placing import canonical_links
from pollsvc.web.admin.forms import errors_of
from pollsvc.web.admin.local_time import read_local
from pollsvc.web.admin.polls.form import COUNTED, PollForm, Row
from pollsvc.web.numbers import whole

E = TypeVar("E", bound=StrEnum)

_WRITABLE = (Kind.SINGLE, Kind.MULTIPLE, Kind.RANKED)
_MAX_DIGITS = 6


def asked(form: PollForm, site: Site, before: Poll | None, now: float, *, draft: bool) -> NewPoll:
    """The poll that a form asks for: a new one of a site, or what becomes of the one `before`.

    What cannot apply to the poll's kind is left out, and so are rows in which nothing was typed. Raises
    PollError `bad_request` with all that is wrong, in the terms of NewPoll.
    """
    problems = Problems()
    seen: set[str] = set()
    for tag in form.langs:
        if tag in seen:
            problems.add("lang", f"{tag} is there twice; remove one of the two.")
        seen.add(tag)
    kind = _choice(Kind, form.kind, "kind", problems) or Kind.SINGLE
    new = NewPoll(
        question=dict(zip(form.langs, form.questions, strict=True)),
        options=[] if kind is Kind.RATING else [_option(row, form.langs, kind) for row in sent_rows(form)],
        kind=kind,
        lang=form.langs[0],
        min_picks=_whole(form.least, "least", problems) if kind in COUNTED else None,
        max_picks=_whole(form.most, "most", problems) if kind in COUNTED else None,
        scale=_whole(form.scale, "scale", problems) if kind is Kind.RATING else None,
        articles=[line.strip() for line in form.articles.splitlines() if line.strip()],
        opens_at=_time(form.opens_at, site, "opens_at", before.opens_at if before else None, problems),
        closes_at=_time(form.closes_at, site, "closes_at", before.closes_at if before else None, problems),
        visibility=_choice(Visibility, form.visibility, "visibility", problems) or Visibility.ALWAYS,
        allow_change=form.allow_change,
        shuffle=form.order == "shuffled",
        write_in=form.write_in and kind in _WRITABLE,
        draft=draft,
    )
    for check in (lambda: define(new, site, before, int(now)), lambda: canonical_links(new.articles)):
        try:
            check()
        except PollError as error:
            found = errors_of(error)
            for name, message in found.items():
                if name != "picks" or "options" not in found:
                    problems.add(name, message)
    problems.raise_any()
    return new


def anew(form: PollForm) -> PollForm:
    """The form as that of a new poll: its options are new, and those that are retired are left out."""
    rows = [row for row in form.rows if not row.retired]
    return replace(form, rows=tuple(replace(row, key=f"new{place}") for place, row in enumerate(rows, 1)))


def sent_rows(form: PollForm) -> list[Row]:
    """The rows that are meant as options."""
    return [row for row in form.rows if not row.blank]


def placeheld(form: PollForm) -> PollForm:
    """The form with something in place of each text that is still missing, so that it can be shown."""
    missing = max(2 - len(sent_rows(form)), 0)
    spare = [row.key for row in form.rows if row.blank][:missing]
    rows = [row for row in form.rows if not row.blank or row.key in spare]
    filled = tuple(
        replace(
            row,
            labels=row.labels
            if form.kind == Kind.REACTION and row.emoji.strip()
            else tuple(text if text.strip() else f"… {number}" for text in row.labels),
            emoji=row.emoji if row.emoji.strip() else "🙂",
            alts=tuple(text if text.strip() else "…" for text in row.alts) if row.image else (),
        )
        for number, row in enumerate(rows, 1)
    )
    return replace(
        form, questions=tuple(text if text.strip() else "…" for text in form.questions), rows=filled
    )


def field_errors(form: PollForm, error: PollError) -> dict[str, str]:
    """What is wrong, by the name of the form's field, in the order of the page; "" where it is no field's."""
    named: dict[str, str] = {}
    for place, message in errors_of(error).items():
        name = _field(form, place)
        named.setdefault(name, message)
        if named[name] != message:
            named[name] += " " + message
    order = {name: number for number, name in enumerate(_page_order(form))}
    return dict(sorted(named.items(), key=lambda item: order.get(item[0], -1)))


def _field(form: PollForm, place: str) -> str:
    """The name of the form's field for a place in NewPoll, such as `options.2.label.en`."""
    langs = {tag: number for number, tag in reversed(list(enumerate(form.langs)))}
    match place.split("."):
        case ["question", *tag]:
            return f"question:{langs.get('.'.join(tag), 0)}"
        case ["options", number, what, *tag]:
            key = sent_rows(form)[int(number) - 1].key
            text = f"{what}:{key}:{langs.get('.'.join(tag), 0)}"
            return {"label": text, "alt": text, "emoji": f"emoji:{key}", "image": f"file:{key}"}.get(
                what, f"label:{key}:0"
            )
        case ["lang" | "picks" as name]:
            return {"lang": "lang:0", "picks": "most"}[name]
    return place if place in _PLAIN or place.startswith("file:") else ""


_PLAIN = {
    *("options", "kind", "least", "most", "scale", "order", "write_in", "allow_change", "visibility"),
    *("opens_at", "closes_at", "articles", "site", "new_lang"),
}


def _page_order(form: PollForm) -> Iterable[str]:
    yield from ("site", "lang:0")
    yield from (f"question:{place}" for place in range(len(form.langs)))
    yield "kind"
    for row in form.rows:
        yield from (f"label:{row.key}:{place}" for place in range(len(form.langs)))
        yield from (f"emoji:{row.key}", f"file:{row.key}")
        yield from (f"alt:{row.key}:{place}" for place in range(len(form.langs)))
    yield from ("options", "scale", "least", "most", "order", "write_in", "visibility", "allow_change")
    yield from ("opens_at", "closes_at", "articles")


def _option(row: Row, langs: Sequence[str], kind: Kind) -> NewOption:
    labels = dict(zip(langs, row.labels, strict=True))
    alts = {tag: text for tag, text in zip(langs, row.alts, strict=False) if text.strip()}
    nameless = kind is Kind.REACTION and not any(map(str.strip, row.labels))
    return NewOption(
        label="" if nameless else labels,
        id=row.id,
        emoji=row.emoji.strip() if kind is Kind.REACTION else "",
        image=row.image,
        alt=alts if row.image else {},
        retired=row.retired,
    )


def _choice(choices: type[E], text: str, name: str, problems: Problems) -> E | None:
    try:
        return choices(text)
    except ValueError:
        problems.add(name, f"Choose one of {', '.join(choices)}.")
        return None


def _whole(text: str, name: str, problems: Problems) -> int | None:
    text = text.strip()
    if not text:
        return None
    number = whole(text, _MAX_DIGITS, typed=True)
    if number is None:
        problems.add(name, "Give a whole number, such as 2.")
    return number


def _time(text: str, site: Site, name: str, kept: int | None, problems: Problems) -> int | None:
    try:
        return read_local(text, site.time_zone, name, kept)
    except PollError as error:
        problems.add(name, error.message)
        return None
