"""A poll's definition as a record of an export, and as a table."""

from collections.abc import Iterator, Mapping
from typing import Any

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.poll import Option
from pollsvc.services.editing.describing import describe, describe_option
from pollsvc.services.exports.picture import Picture

FIELD = ("field", "option", "lang", "value")
"""The columns of a definition as a table."""


def whole_definition(picture: Picture) -> dict[str, Any]:
    """The whole definition as JSON values: all that another poll like this one can be made of."""
    poll = picture.poll
    return describe(poll, picture.at) | {
        "options": [_option(option) for option in poll.options],
        "draft": poll.draft,
        "archived_at": None if poll.archived_at is None else rfc3339(poll.archived_at),
        "placements": [
            {"link": place.link, "url": place.url, "attached": not place.detached}
            for place in picture.placements.values()
        ],
    }


def fields_of(definition: Mapping[str, Any]) -> Iterator[Mapping[str, object]]:
    """A definition as a table: a row for each field, in each option and language."""
    for name, value in definition.items():
        if name == "options":
            for option in value:
                for field, of in option.items():
                    if field != "id":
                        yield from _rows(field, option["id"], of)
        elif name == "picks":
            yield from (_row(f"{end}_picks", None, None, number) for end, number in value.items())
        elif name == "placements":
            yield from (_row("placement", None, None, place["link"]) for place in value)
        else:
            yield from _rows(name, None, value)


def _option(option: Option) -> dict[str, object]:
    """An option as JSON values; `written` is what a reader wrote in, folded."""
    written = {} if option.write_in is None else {"written": option.write_in}
    return describe_option(option) | written


def _rows(field: str, option: int | None, value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, dict):
        yield from (_row(field, option, lang, text) for lang, text in value.items())
    elif isinstance(value, list):
        yield from (_row(field, option, None, each) for each in value)
    elif value is not None:
        yield _row(field, option, None, value)


def _row(field: str, option: int | None, lang: str | None, value: object) -> Mapping[str, object]:
    return {"field": field, "option": option, "lang": lang, "value": value}
