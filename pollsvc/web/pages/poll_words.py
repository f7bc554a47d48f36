"""The sentences around a poll on its page: what to do, what became of it, until when, how many."""

from pollsvc.domain.ballot import Reason, Status
from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Poll, State
from pollsvc.domain.selection import folded
from pollsvc.services.result_words import schedule_of
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.voting import Vote
from pollsvc.services.widget_words import hint_of
from pollsvc.services.words import Words
from pollsvc.services.write_ins import MAX_TEXT

TOLD = {
    Code.INVALID_SELECTION: "",
    Code.POLL_NOT_OPEN: "late",
    Code.ALREADY_VOTED: "already",
    Code.BUSY: "error_busy",
    Code.SLOW_DOWN: "error_slow_down",
    Code.NOT_VOUCHED_FOR: "error_vouched",
}
"""The errors of a vote that the page tells its reader, with the key of what it says; empty: that depends."""


_OUTSIDE = {Status.HELD: "held_votes", Status.EXCLUDED: "excluded_votes"}
REASONS = {
    Reason.PACE: "reason_pace",
    Reason.UNPROVEN: "reason_unproven",
    Reason.SUSPECTED: "reason_suspected",
    Reason.AUTOMATED: "reason_automated",
    Reason.REPEATED: "reason_repeated",
    Reason.TEST: "reason_test",
}
"""Why ballots are held or excluded: the key of what is said."""


def thanks_for(poll: Poll, vote: Vote, words: Words) -> str:
    """What the page says to a vote that was recorded."""
    thanks = words.say("thanks" if vote.ballot.status == "counted" else "held")
    if 0 in folded(vote.ballot.selection, poll.folds):
        return f"{thanks} {words.say('own_recorded')}"
    return thanks


def refusal_of(snapshot: Snapshot, error: PollError, words: Words) -> str:
    """What the page says to a vote that was not recorded; its code is one of TOLD."""
    if error.code is Code.POLL_NOT_OPEN and snapshot.state is State.SCHEDULED:
        return words.say("early")
    key, reason, rank = TOLD[error.code], error.details.get("reason"), error.details.get("rank")
    if reason is None:
        return words.say(key) if key else hint_of(snapshot.poll, words)
    rank_text = words.number(rank) if isinstance(rank, int) else ""
    return words.say(f"error_{reason}", rank=rank_text, max=words.number(MAX_TEXT))


def facts_of(snapshot: Snapshot, words: Words, *, visible: bool) -> list[str]:
    """How many have voted, until when that goes, and what to think of it."""
    poll = snapshot.poll
    voters = words.count("voters", snapshot.results.voters) if visible else words.say(poll.visibility)
    return [voters, schedule_of(poll, snapshot.state, words) or words.say("open"), words.say("sample")]


def uncounted_of(snapshot: Snapshot, words: Words, *, visible: bool) -> list[str]:
    """How many ballots are held and excluded, and why; nothing where there are none, or it is not shown."""
    results, found = snapshot.results, []
    for status, ballots in ((Status.HELD, results.held), (Status.EXCLUDED, results.excluded)):
        if visible and ballots:
            reasons = [reason for known, reason in sorted(results.reasons) if known == status and reason]
            why = words.names([words.say(REASONS[Reason(reason)]) for reason in reasons])
            found.append(words.count(_OUTSIDE[status], ballots) + (f" ({why})" if why else ""))
    return found
