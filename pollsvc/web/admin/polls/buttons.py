"""What the buttons inside a poll's form do to it, where a browser leaves that to the server."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from pollsvc.services.editing.definitions import MAX_LANGS
from pollsvc.web.admin.polls.form import MAX_ROWS, PollForm, Row
from pollsvc.web.numbers import whole

T = TypeVar("T")


def press(form: PollForm, do: str, lang: str = "") -> tuple[PollForm, str] | None:
    """The form after a press of the button `do`, and the id of what gets the focus; None for other buttons.

    `add_option`, `up:KEY`, `down:KEY`, `remove:KEY`, `drop_image:KEY`; `add_language` of the tag `lang`,
    `drop_language:PLACE`, `first_language:PLACE`. A button that has nothing to do leaves the form as it is.
    """
    action, _, which = do.partition(":")
    if action in _ON_ROWS:
        places = [place for place, row in enumerate(form.rows) if row.key == which]
        return _ON_ROWS[action](form, places[0]) if places else (form, "options")
    if action in _ON_LANGS:
        place = whole(which, 2) or 0
        return _ON_LANGS[action](form, place) if 0 < place < len(form.langs) else (form, "question-0")
    if action == "add_option":
        return _add_option(form)
    if action == "add_language":
        return _add_language(form, lang.strip())
    return None


def _add_option(form: PollForm) -> tuple[PollForm, str]:
    if len(form.rows) >= MAX_ROWS:
        return form, "options"
    taken = {row.key for row in form.rows}
    key = next(f"new{serial}" for serial in range(1, MAX_ROWS + 2) if f"new{serial}" not in taken)
    blank = ("",) * len(form.langs)
    return replace(form, rows=(*form.rows, Row(key, blank, alts=blank))), f"label-{key}-0"


def _add_language(form: PollForm, lang: str) -> tuple[PollForm, str]:
    if not lang or lang in form.langs or len(form.langs) > MAX_LANGS:
        return form, "new_lang"
    added = replace(
        form,
        langs=(*form.langs, lang),
        questions=(*form.questions, ""),
        rows=form.padded(len(form.langs) + 1),
    )
    return added, f"question-{len(form.langs)}"


def _move(form: PollForm, place: int, by: int) -> PollForm:
    rows, to = list(form.rows), place + by
    if 0 <= to < len(rows):
        rows[place], rows[to] = rows[to], rows[place]
    return replace(form, rows=tuple(rows))


def _up(form: PollForm, place: int) -> tuple[PollForm, str]:
    return _move(form, place, -1), f"{'up' if place > 1 else 'down'}-{form.rows[place].key}"


def _down(form: PollForm, place: int) -> tuple[PollForm, str]:
    return _move(form, place, 1), f"{'down' if place < len(form.rows) - 2 else 'up'}-{form.rows[place].key}"


def _remove(form: PollForm, place: int) -> tuple[PollForm, str]:
    return replace(form, rows=_without(form.rows, place)), "options"


def _drop_image(form: PollForm, place: int) -> tuple[PollForm, str]:
    row = form.rows[place]
    bare = replace(row, image="", alts=("",) * len(form.langs))
    return replace(form, rows=(*form.rows[:place], bare, *form.rows[place + 1 :])), f"file-{row.key}"


def _on_texts(form: PollForm, change: Callable[[Sequence[str]], tuple[str, ...]]) -> PollForm:
    """The form with the same change made to every sequence of texts that is ordered by language."""
    return replace(
        form,
        langs=change(form.langs),
        questions=change(form.questions),
        rows=tuple(replace(row, labels=change(row.labels), alts=change(row.alts)) for row in form.rows),
    )


def _drop_language(form: PollForm, place: int) -> tuple[PollForm, str]:
    return _on_texts(form, lambda texts: _without(texts, place)), "new_lang"


def _first_language(form: PollForm, place: int) -> tuple[PollForm, str]:
    return _on_texts(form, lambda texts: (texts[place], *_without(texts, place))), "question-0"


def _without(items: Sequence[T], place: int) -> tuple[T, ...]:
    return (*items[:place], *items[place + 1 :])


_ON_ROWS = {"up": _up, "down": _down, "remove": _remove, "drop_image": _drop_image}
_ON_LANGS = {"drop_language": _drop_language, "first_language": _first_language}
