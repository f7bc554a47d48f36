"""Time as pollsvc counts it: Unix seconds inside, RFC 3339 in UTC outside, minutes in ballots."""

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pollsvc.domain.errors import bad

Clock = Callable[[], float]
"""Returns Unix time in seconds; passed in, so that tests can hold time still."""


def minute_of(seconds: float) -> int:
    """The Unix minute (seconds // 60), the finest time that a ballot carries."""
    return int(seconds // 60)


def rfc3339(seconds: float) -> str:
    """Unix seconds as an RFC 3339 date-time in UTC with whole seconds, such as `2026-11-22T10:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=1024)
def rfc3339_minute(minute: int) -> str:
    """A Unix minute as an RFC 3339 date-time."""
    return rfc3339(minute * 60)


def parse_time(text: str, zone: tzinfo = UTC) -> int:
    """Read an ISO 8601 / RFC 3339 date-time as Unix seconds; without an offset it is local to `zone`.

    Of a local time that the clocks show twice, the first is meant. Raises ValueError when the text is no
    date-time, one that is not in the years 1 to 9999 of UTC, or a local time that the clocks leap over.
    """
    moment = datetime.fromisoformat(text)
    try:
        if moment.tzinfo is None:
            local, moment = moment, moment.replace(tzinfo=zone)
            if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
                raise ValueError(f"{text} does not exist in {zone}: the clocks are put forward")
        return int(moment.astimezone(UTC).timestamp())
    except OverflowError:
        raise ValueError(f"{text} is not in the years 1 to 9999") from None


def zone_named(name: str) -> ZoneInfo:
    """A time zone of the IANA database. Raises PollError `bad_request`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise bad(f"{name!r} is no time zone; give one such as Asia/Tehran.", "time_zone") from None
