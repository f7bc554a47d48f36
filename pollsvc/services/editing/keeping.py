"""What an edit may not do to a poll, so that each vote keeps its meaning. All of it raises PollError."""

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.history import noticeable
from pollsvc.domain.poll import Kind, Poll

_TEXTS = frozenset({"question", "label", "emoji", "image"})
"""Notices of a change that may change what a vote meant."""
_SOON = 10
"""Seconds before it opens from which a poll counts as open: another process may be ahead by so much."""


def opened(poll: Poll, now: int) -> bool:
    """Whether readers may have voted in a poll."""
    return not poll.draft and (poll.opens_at is None or poll.opens_at <= now + _SOON)


def keep_votes(before: Poll, after: Poll) -> None:
    """Refuse what would make votes mean something else, or nothing."""
    if after.kind is not before.kind or after.lang != before.lang:
        raise not_now(
            "Kind and first language cannot change once a poll has opened; make a new version of it."
        )
    if after.min_picks > before.min_picks or after.max_picks < before.max_picks:
        raise not_now("Once a poll has opened, its range of picks can only grow; make a new version.")
    if after.kind is Kind.RATING and len(after.options) != len(before.options):
        raise not_now("The scale cannot change once a poll has opened; make a new version of it.")


def ask_for_confirmation(before: Poll, after: Poll) -> None:
    """Refuse texts that readers may have read otherwise when they voted."""
    changed = [notice for notice in noticeable(before, after) if notice.what in _TEXTS and notice.old]
    if changed:
        raise PollError(
            Code.NEEDS_CONFIRMATION,
            "Readers may have voted on the old text: say that this is a correction, which leaves what a vote "
            "means, or make a new version.",
            details={"changes": [notice._asdict() for notice in changed]},
        )


def refuse_ended(poll: Poll) -> None:
    """Refuse what would open a poll in the archive, one whose place a new version has taken, or one that
    could not know its readers again."""
    if poll.archived_at is not None:
        raise not_now("The poll is archived; take it out of the archive before it can be opened.")
    if poll.replaced_by is not None:
        raise not_now("A new version has taken this poll's place, so that it cannot open again.")
    if poll.purged:
        raise not_now(
            "The key by which this poll knew its readers is destroyed, so that it cannot open again; "
            "make a new version of it."
        )


def not_now(message: str) -> PollError:
    """What is refused as the poll stands now."""
    return PollError(Code.NOT_POSSIBLE_NOW, message)
