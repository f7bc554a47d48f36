"""What the editors' interface takes, as types, and what they ask for."""

from dataclasses import replace
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct, UnsetType

from pollsvc.domain.clock import parse_time
from pollsvc.domain.errors import bad
from pollsvc.domain.poll import Kind, Site, Visibility
from pollsvc.services.editing.new_poll import NewOption, NewPoll

Text = str | dict[str, str]
"""A text in the poll's language, or texts by language."""


class OptionBody(Struct, forbid_unknown_fields=True):
    """An option; `id` for one that the poll has."""

    label: Text = ""
    id: int | None = None
    emoji: str = ""
    image: str = ""
    alt: Text = {}
    retired: bool = False


class PicksBody(Struct, forbid_unknown_fields=True):
    """The range of picks."""

    min: int | None = None
    max: int | None = None


class PollBody(Struct, forbid_unknown_fields=True):
    """A poll to be made, or what of one is to change. Times are RFC 3339, or local to the site."""

    site: str | UnsetType = UNSET
    question: Text | UnsetType = UNSET
    lang: str | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    options: list[OptionBody | str] | UnsetType = UNSET
    picks: PicksBody | UnsetType = UNSET
    scale: int | UnsetType = UNSET
    opens_at: str | UnsetType | None = UNSET
    closes_at: str | UnsetType | None = UNSET
    visibility: Visibility | UnsetType = UNSET
    allow_change: bool | UnsetType = UNSET
    order: Literal["fixed", "shuffled"] | UnsetType = UNSET
    write_in: bool | UnsetType = UNSET
    draft: bool | UnsetType = UNSET
    articles: list[str] | UnsetType = UNSET
    correction: bool = False


class SiteBody(Struct, forbid_unknown_fields=True):
    """A site to be made, or what of one is to change."""

    name: str | UnsetType = UNSET
    origins: list[str] | UnsetType = UNSET
    locale: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    percent_from: int | UnsetType = UNSET


class ArticleBody(Struct, forbid_unknown_fields=True):
    """An article to attach a poll to."""

    url: str


class OrderBody(Struct, forbid_unknown_fields=True):
    """The polls of an article, in their new order."""

    url: str
    polls: list[str]


class DecisionBody(Struct, forbid_unknown_fields=True):
    """What becomes of a write-in."""

    decision: Literal["approve", "merge", "reject"]
    label: str | None = None
    into: int | None = None


def given(body: Struct) -> dict[str, Any]:
    """The fields that were sent."""
    fields = {name: getattr(body, name) for name in body.__struct_fields__}
    return {name: value for name, value in fields.items() if value is not UNSET}


def asked(body: PollBody, site: Site, base: NewPoll | None = None) -> NewPoll:
    """The poll that a body asks for: a new one, or `base` with what was sent changed."""
    fields = given(body)
    for name in ("site", "correction"):
        fields.pop(name, None)
    if base is None and "question" not in fields:
        raise bad("Send the poll's question.", "question")
    if "options" in fields:
        fields["options"] = [
            option if isinstance(option, str) else NewOption(**given(option)) for option in fields["options"]
        ]
    if "picks" in fields:
        picks = fields.pop("picks")
        fields |= {"min_picks": picks.min, "max_picks": picks.max}
    if "order" in fields:
        fields["shuffle"] = fields.pop("order") == "shuffled"
    for name in ("opens_at", "closes_at"):
        if fields.get(name) is not None:
            fields[name] = time_of(fields[name], site, name)
    if base is None:
        return NewPoll(**fields)
    if body.site not in (UNSET, site.id, site.name):
        raise bad("A poll stays with its site; make another one for another site.", "site")
    if "articles" in fields:
        raise bad("Attach a poll to articles by its own address, /articles.", "articles")
    if fields.get("kind", base.kind) is not base.kind and "max_picks" not in fields:
        fields |= {"min_picks": None, "max_picks": None}
    return replace(base, **fields)


def time_of(text: str, site: Site, field: str) -> int:
    """A time as Unix seconds. Raises PollError `bad_request`."""
    try:
        return parse_time(text, ZoneInfo(site.time_zone))
    except ValueError:
        raise bad(
            f"{text!r} is no time; give one such as 2026-11-22T18:00Z, or local time of the site.", field
        ) from None
