"""A poll made of the definition in an export, checked as if an editor had asked for it."""

import secrets
from dataclasses import replace

from pollsvc.domain.article import canonical_url
from pollsvc.domain.clock import parse_time
from pollsvc.domain.errors import bad
from pollsvc.domain.mac import encode
from pollsvc.domain.poll import Option, OptionState, Poll, Site
from pollsvc.domain.text import folded_text, one_line
from pollsvc.services.editing.definitions import (
    MAX_LABEL,
    MAX_OPTIONS,
    MAX_TIME,
    define,
)
from pollsvc.services.editing.new_poll import as_new
from pollsvc.services.editing.placing import canonical_links
from pollsvc.services.ids import new_id
from pollsvc.services.imports.intake import Link
from pollsvc.services.imports.records import OptionRecord, PollRecord
from pollsvc.services.languages import is_lang

_UNNAMED = (OptionState.PENDING, OptionState.REJECTED, OptionState.MERGED)
_MAX_WRITTEN = 2_000  # characters of what a reader wrote, folded: one can fold to 18


def poll_of(record: PollRecord, site: Site, now: int) -> Poll:
    """The poll of a site that a definition describes, with the ids of its options; without placements.

    Raises PollError `bad_request`.
    """
    options = tuple(_option(option, record.lang) for option in record.options)
    _check_options(options)
    if record.picks.max > MAX_OPTIONS:
        raise bad(f"A ballot can pick at most {MAX_OPTIONS} options.", "picks")
    described = Poll(
        id=new_id(10),
        site=site,
        kind=record.kind,
        question=record.question,
        lang=record.lang,
        options=options,
        min_picks=record.picks.min,
        max_picks=record.picks.max,
        opens_at=_time(record.opens_at, "opens_at", MAX_TIME),
        closes_at=_time(record.closes_at, "closes_at", MAX_TIME),
        draft=record.draft,
        visibility=record.visibility,
        allow_change=record.allow_change,
        key=secrets.token_bytes(32),
        results_key=encode(secrets.token_bytes(16)),
        placements={},
        shuffle=record.order == "shuffled",
        write_in=record.write_in,
        archived_at=_time(record.archived_at, "archived_at", now),
        revision=0,
        created_at=_time(record.created_at, "created_at", now) or now,
    )
    poll = define(as_new(described), site, described, now)
    if {option.id for option in poll.options} != {option.id for option in options}:
        raise bad("The options of a rating are the numbers from 1 on, none else.", "options")
    order = {option.id: place for place, option in enumerate(options)}
    return replace(poll, options=tuple(sorted(poll.options, key=lambda option: order[option.id])))


def links_of(record: PollRecord) -> tuple[list[Link], dict[str, int]]:
    """The articles of a definition, and the number of each within the poll by the link that ballots name.

    Raises PollError `bad_request`.
    """
    links = canonical_links([place.link for place in record.placements])
    numbers = {url: number for number, url in enumerate(links, 1)}
    by_link = {place.link: numbers[canonical_url(place.link) or ""] for place in record.placements}
    attached = {by_link[place.link] for place in record.placements if place.attached}
    return [Link(url, links[url], number in attached) for url, number in numbers.items()], by_link


def _option(record: OptionRecord, lang: str) -> Option:
    """An option as it is described; of one that readers do not see, nobody else checks the label."""
    what = f"option {record.id}"
    if record.state in _UNNAMED:
        for tag, text in record.label.items():
            if not is_lang(tag) or one_line(text, f"label of {what}", MAX_LABEL) != text:
                raise bad(f"The label of {what} is not as pollsvc keeps it.", "options")
    written = None
    if record.write_in:
        written = record.written or folded_text(
            record.label.get(lang) or next(iter(record.label.values()), "")
        )
        if not written or len(written) > _MAX_WRITTEN or folded_text(written) != written:
            raise bad(f"What a reader wrote as {what} is empty, too long or not folded.", "options")
        one_line(written, f"text of {what}", _MAX_WRITTEN)
    return Option(
        id=record.id,
        label=record.label,
        state=record.state,
        emoji=record.emoji,
        image=record.image,
        alt=record.alt,
        write_in=written,
        merged_into=record.merged_into,
    )


def _check_options(options: tuple[Option, ...]) -> None:
    """Raise PollError unless these can be the options of one poll."""
    known = {option.id: option for option in options}
    written = [option.write_in for option in options if option.write_in is not None]
    if len(known) != len(options) or len(set(written)) != len(written):
        raise bad("Two options have the same id, or the same text that a reader wrote.", "options")
    for option in options:
        if option.state in _UNNAMED and (option.write_in is None or not option.label):
            raise bad(f"Option {option.id} is {option.state}, but no reader wrote it.", "options")
        if (option.state is OptionState.MERGED) is not (option.merged_into is not None):
            raise bad(f"Option {option.id} is merged into none, or into one without being so.", "options")
        target = option
        for _ in options:
            target = known.get(target.merged_into or 0, target)
        if target.state is OptionState.MERGED or (
            option.state is OptionState.MERGED and target.state in _UNNAMED
        ):
            raise bad(f"Option {option.id} is merged into none that readers see.", "options")


def _time(text: str | None, field: str, latest: int) -> int | None:
    if text is None:
        return None
    try:
        time = parse_time(text)
    except ValueError:
        time = -1
    if not 0 <= time <= latest:
        raise bad(f"{field} is no time, or not before now where it must be: {text[:40]!r}.", field)
    return time
