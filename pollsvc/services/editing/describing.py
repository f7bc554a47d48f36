"""A poll's definition as JSON values; what exports, the editors' interface and the log show."""

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.poll import Option, Poll


def describe(poll: Poll, now: float) -> dict[str, object]:
    """A poll's whole definition as JSON values."""
    return {
        "id": poll.id,
        "site": poll.site.id,
        "kind": poll.kind.value,
        "state": state_of(poll, now),
        "question": dict(poll.question),
        "lang": poll.lang,
        "options": [describe_option(option) for option in poll.options],
        "picks": {"min": poll.min_picks, "max": poll.max_picks},
        "opens_at": None if poll.opens_at is None else rfc3339(poll.opens_at),
        "closes_at": None if poll.closes_at is None else rfc3339(poll.closes_at),
        "visibility": poll.visibility.value,
        "allow_change": poll.allow_change,
        "order": "shuffled" if poll.shuffle else "fixed",
        "write_in": poll.write_in,
        "articles": list(poll.placements),
        "replaces": poll.replaces,
        "replaced_by": poll.replaced_by,
        "revision": poll.revision,
        "created_at": rfc3339(poll.created_at),
    }


def describe_option(option: Option) -> dict[str, object]:
    """An option as JSON values; what it does not have is left out."""
    more = {
        "emoji": option.emoji,
        "image": option.image,
        "alt": dict(option.alt),
        "merged_into": option.merged_into,
    }
    return {
        "id": option.id,
        "label": dict(option.label),
        "state": option.state.value,
        **{name: value for name, value in more.items() if value},
        **({"write_in": True} if option.write_in is not None else {}),
    }


def state_of(poll: Poll, now: float) -> str:
    """Where a poll stands, as editors see it: also `draft` and `archived`."""
    if poll.archived_at is not None:
        return "archived"
    return "draft" if poll.draft else poll.state(now).value
