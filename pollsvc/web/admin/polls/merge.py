"""When two editors have changed a poll at once: what each changed, and the form that keeps both."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from pollsvc.web.admin.polls.form import PollForm, Row


class Clash(NamedTuple):
    """A field that the other editor has changed: as it was, as they left it, and as it stands in your form.

    `taken` says that you had left it alone, so that theirs went into the form. None is for what is not there.
    """

    name: str
    was: str | None
    theirs: str | None
    yours: str | None
    taken: bool


class Merged(NamedTuple):
    """Your form with their changes in it where you had not changed the same; and all that they changed."""

    form: PollForm
    clashes: list[Clash]


def merge(yours: PollForm, theirs: PollForm) -> Merged:
    """Put what another editor saved meanwhile into a form whose `base` is from before."""
    was, mine, saved = yours.base, yours.flat(), theirs.flat()
    merged: dict[str, str | None] = dict(mine)
    clashes = []
    for name in dict.fromkeys((*was, *saved)):
        before, there, here = was.get(name), saved.get(name), mine.get(name)
        if there in (before, here):
            continue
        taken = here == before
        if taken:
            merged[name] = there
        if name != "options" or not _same_order(there, here):
            clashes.append(Clash(name, before, there, here, taken))
    return Merged(replace(_form(merged, yours, theirs), base=saved), clashes)


def _form(merged: Mapping[str, str | None], yours: PollForm, theirs: PollForm) -> PollForm:
    """The form of merged fields; the orders are yours where they could not be merged."""
    first = merged["lang"] or yours.langs[0]
    tags = dict.fromkeys((first, *yours.langs, *theirs.langs))
    langs = tuple(tag for tag in tags if tag == first or merged.get(f"question:{tag}") is not None)
    keys = dict.fromkeys(
        (merged["options"] or "").split() + [row.key for row in yours.rows] + [row.key for row in theirs.rows]
    )
    known = {row.key for row in theirs.rows}
    present = [key for key in keys if merged.get(f"image:{key}") is not None or _has_texts(merged, key)]
    spare = iter(_unused(present))
    rows = []
    for key in present:
        new_key = key if key in known or not key.isdigit() else next(spare)
        rows.append(_row(merged, key, new_key, langs))
    return PollForm(
        langs=langs,
        questions=tuple(merged.get(f"question:{tag}") or "" for tag in langs),
        rows=tuple(rows),
        kind=merged["kind"] or "",
        least=merged["least"] or "",
        most=merged["most"] or "",
        scale=merged["scale"] or "",
        write_in=bool(merged["write_in"]),
        order=merged["order"] or "",
        visibility=merged["visibility"] or "",
        allow_change=bool(merged["allow_change"]),
        opens_at=merged["opens_at"] or "",
        closes_at=merged["closes_at"] or "",
    )


def _row(merged: Mapping[str, str | None], key: str, new_key: str, langs: Iterable[str]) -> Row:
    return Row(
        key=new_key,
        labels=tuple(merged.get(f"label:{key}:{tag}") or "" for tag in langs),
        emoji=merged.get(f"emoji:{key}") or "",
        image=merged.get(f"image:{key}") or "",
        alts=tuple(merged.get(f"alt:{key}:{tag}") or "" for tag in langs),
        retired=bool(merged.get(f"retired:{key}")),
    )


def _has_texts(merged: Mapping[str, str | None], key: str) -> bool:
    return any(text for name, text in merged.items() if name.startswith((f"label:{key}:", f"alt:{key}:")))


def _unused(keys: Iterable[str]) -> Iterable[str]:
    """Keys of new rows that are none of these."""
    taken = set(keys)
    return (key for key in (f"new{serial}" for serial in range(1, 2 * len(taken) + 2)) if key not in taken)


def _same_order(there: str | None, here: str | None) -> bool:
    """Whether two orders of rows put those that both have in the same order."""
    one, other = (there or "").split(), (here or "").split()
    return [key for key in one if key in other] == [key for key in other if key in one]
