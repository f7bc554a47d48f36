"""Times in forms: what `<input type="datetime-local">` holds, in a time zone, and Unix seconds."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pollsvc.domain.clock import parse_time
from pollsvc.domain.errors import PollError, bad


def local_text(seconds: int | None, zone: str) -> str:
    """A time as the control holds it, to the minute (HTML, section 2.3.5.5); empty for none."""
    if seconds is None:
        return ""
    local = datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone))
    return local.replace(tzinfo=None).isoformat(timespec="minutes")


def read_local(text: str, zone: str, field: str, kept: int | None = None) -> int | None:
    """The time that a control holds, None where it is empty; `kept` if that is what the control showed.

    So a poll that opened at 12:00:07 still does after an edit that leaves the control alone, and the second
    of two equal hours of an autumn night stays the second. Raises PollError for what is no time, and for
    times that the clocks leap over.
    """
    text = text.strip()
    if not text:
        return None
    if kept is not None and text == local_text(kept, zone):
        return kept
    try:
        return parse_time(text, ZoneInfo(zone))
    except ValueError:
        raise _wrong(text, zone, field) from None


def _wrong(text: str, zone: str, field: str) -> PollError:
    try:
        local = datetime.fromisoformat(text)
        moment = local.replace(tzinfo=local.tzinfo or ZoneInfo(zone)).astimezone(UTC)
        there = moment.astimezone(ZoneInfo(zone))
    except (ValueError, OverflowError):
        return bad("This is no date and time; give one such as 2026-11-22T18:00.", field)
    # A time in the gap is read by the offset before it (PEP 495): it comes out later by as much as they leap.
    return bad(
        f"{local:%H:%M} on {local:%-d %B %Y} does not exist in {zone}: the clocks are put forward then. "
        f"Choose another time, such as {there:%H:%M}.",
        field,
    )
