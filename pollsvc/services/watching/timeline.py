"""Local time in buckets, from minutes to days of a site's time zone, also where its clocks change."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pollsvc.domain.clock import minute_of


class Bucket(StrEnum):
    """A length of time that votes are summed over."""

    MINUTE = "minute"
    QUARTER = "quarter"
    HOUR = "hour"
    DAY = "day"

    @property
    def minutes(self) -> int:
        """How long it is; of a day, how long it is on most days."""
        return {Bucket.MINUTE: 1, Bucket.QUARTER: 15, Bucket.HOUR: 60, Bucket.DAY: 1_440}[self]

    @property
    def step(self) -> int:
        """Minutes to sum over in the database: today's time zones are off UTC by quarters of an hour."""
        return min(self.minutes, 15)

    @property
    def span(self) -> int:
        """How many minutes are looked back on: so many buckets as a chart has room for, or a year of days."""
        return self.minutes * (366 if self is Bucket.DAY else 95)


def bucket_for(begin: float, end: float) -> Bucket:
    """The finest that shows all of a poll that ran from `begin` to `end` (Unix seconds)."""
    fitting = (bucket for bucket in Bucket if end - begin <= bucket.span * 60)
    return next(fitting, Bucket.DAY)


def start_of(bucket: Bucket, minute: int, zone: ZoneInfo) -> int:
    """The Unix minute at which the bucket begins that a Unix minute lies in.

    A day begins at local midnight, or where the clocks leap over that, when they do.
    """
    if bucket is Bucket.MINUTE:
        return minute
    local = datetime.fromtimestamp(minute * 60, UTC).astimezone(zone)
    if bucket is not Bucket.DAY:
        return minute - local.minute % bucket.minutes
    return minute_of(datetime.combine(local.date(), time(), zone).timestamp())


def starts(bucket: Bucket, first: int, last: int, zone: ZoneInfo) -> Iterator[int]:
    """The Unix minutes at which the buckets begin, from the one that `first` lies in to that of `last`."""
    start = start_of(bucket, first, zone)
    while start <= last:
        yield start
        start = next_start(bucket, start, zone)


def next_start(bucket: Bucket, start: int, zone: ZoneInfo) -> int:
    """Where the bucket ends that begins at a Unix minute."""
    if bucket is Bucket.DAY:
        day = datetime.fromtimestamp(start * 60, UTC).astimezone(zone).date() + timedelta(days=1)
        return minute_of(datetime.combine(day, time(), zone).timestamp())
    return start_of(bucket, start + bucket.minutes, zone)


def midnight(now: float, zone: ZoneInfo) -> int:
    """The Unix minute at which today began."""
    return start_of(Bucket.DAY, minute_of(now), zone)
