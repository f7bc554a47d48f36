"""The one error that callers are meant to see, with its closed list of codes."""

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """Stable names of what can go wrong; they stand in every error answer."""

    BAD_REQUEST = "bad_request"
    WRONG_HOST = "wrong_host"
    BAD_READER_TOKEN = "bad_reader_token"  # noqa: S105 - the name of an error
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    NO_SUCH_POLL = "no_such_poll"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UNKNOWN_FORMAT = "unknown_format"
    ALREADY_VOTED = "already_voted"
    POLL_NOT_OPEN = "poll_not_open"
    PROOF_REQUIRED = "proof_required"
    NOT_VOUCHED_FOR = "not_vouched_for"
    BODY_TOO_LARGE = "body_too_large"
    INVALID_SELECTION = "invalid_selection"
    NOT_SIGNED_IN = "not_signed_in"
    BAD_API_KEY = "bad_api_key"
    FORBIDDEN = "forbidden"
    NEEDS_CONFIRMATION = "needs_confirmation"
    NOT_POSSIBLE_NOW = "not_possible_now"
    EDIT_CONFLICT = "edit_conflict"
    IF_MATCH_REQUIRED = "if_match_required"
    SLOW_DOWN = "slow_down"
    BUSY = "busy"


class PollError(Exception):
    """A request that cannot be done, told to whoever asked.

    `message` is one sentence that says what to do. `retry_after` is in seconds and set when the same
    request may succeed later. `details` are further members of the answer, JSON values by name.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        retry_after: int | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.details = details or {}


def bad(message: str, field: str | None = None) -> PollError:
    """The answer to bad input; `field` names the part of it that is wrong, such as `options.2.label.en`."""
    return PollError(Code.BAD_REQUEST, message, details={"field": field} if field else None)


def busy() -> PollError:
    """The answer when something cannot be done now but may be in a moment."""
    return PollError(Code.BUSY, "Too much is going on; try again in a moment.", retry_after=1)


def vote_not_recorded() -> PollError:
    """The answer when that something is the recording of a vote."""
    return PollError(
        Code.BUSY, "Too much is going on; your vote was not recorded yet, send it again.", retry_after=1
    )


def no_such_poll() -> PollError:
    """The answer for a poll that is unknown or still a draft: the two look alike from outside."""
    return PollError(Code.NO_SUCH_POLL, "There is no such poll; check the poll's id.")
