"""Local time in buckets: every minute lies in one, also where clocks are put forward or back."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pollsvc.services.watching.timeline import Bucket, bucket_for, next_start, start_of, starts
from tests.support.newsroom import minute


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Asia/Beirut", "2026-03-29", 23),  # the clocks are put forward at midnight
        ("Asia/Kathmandu", "2026-10-25", 24),
    ],
)
def test_a_day_has_the_hours_of_its_clocks(zone: str, day: str, hours: int) -> None:
    local = ZoneInfo(zone)
    noon = minute(f"{day}T12:00", local)
    first = start_of(Bucket.DAY, noon, local)
    end = next_start(Bucket.DAY, first, local)
    assert end - first == hours * 60
    assert len([*starts(Bucket.HOUR, first, end - 1, local)]) == hours
    assert datetime.fromtimestamp(first * 60, local).date().isoformat() == day
    assert datetime.fromtimestamp(end * 60 - 60, local).date().isoformat() == day


@pytest.mark.parametrize("bucket", Bucket)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tehran", "Africa/Cairo", "America/Havana", "Pacific/Apia"])
def test_buckets_follow_one_another_without_gaps(bucket: Bucket, zone: str) -> None:
    local = ZoneInfo(zone)
    first = minute("2026-03-01T00:00", local)
    for start in starts(bucket, first, first + bucket.span, local):
        end = next_start(bucket, start, local)
        assert end > start
        assert {start_of(bucket, each, local) for each in (start, (start + end) // 2, end - 1)} == {start}
        assert start_of(bucket, end, local) == end


def test_the_bucket_suits_the_age_of_the_poll() -> None:
    ages = {3_600: "minute", 8 * 3_600: "quarter", 2 * 86_400: "hour", 9 * 86_400: "day", 9**9: "day"}
    assert {age: bucket_for(1_000_000, 1_000_000 + age) for age in ages} == ages
