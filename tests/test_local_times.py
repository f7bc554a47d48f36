"""Times in forms are local to the site, and told apart from times that are none."""

import pytest

from pollsvc.domain.errors import PollError
from pollsvc.web.admin.local_time import local_text, read_local


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("  ", None),
        ("2026-11-22T18:00", 1795366800),
        ("2026-11-22 18:00", 1795366800),
        ("2026-11-22T18:00:00", 1795366800),
        ("2026-11-22T18:00:07.5", 1795366807),
        ("2026-11-22T17:00Z", 1795366800),
        ("2026-11-22T20:30+03:30", 1795366800),
        ("2026-11-22", 1795302000),
        ("2026-10-25T02:30", 1792888200),  # the first of two
    ],
)
def test_times_are_local_to_the_site(text: str, seconds: int | None) -> None:
    assert read_local(text, "Europe/Berlin", "opens_at") == seconds


@pytest.mark.parametrize(
    "text", ["soon", "18:00", "2026-02-30T10:00", "275760-09-13T00:00", "0001-01-01T00:00", "9" * 500]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(PollError, match="no date and time") as error:
        read_local(text, "Asia/Tehran", "opens_at")
    assert error.value.details == {"field": "opens_at"}


@pytest.mark.parametrize(
    ("text", "zone", "instead"),
    [
        ("2026-03-29T02:30", "Europe/Berlin", "03:30"),
        ("2026-03-29T02:00:30", "Europe/Berlin", "03:00"),
        ("2026-03-08T02:59", "America/New_York", "03:59"),
        ("2026-10-04T02:15", "Australia/Lord_Howe", "02:45"),  # they leap by half an hour
        ("2011-12-30T12:00", "Pacific/Apia", "12:00"),  # a day that Samoa did without
    ],
)
def test_a_time_that_the_clocks_leap_over_is_explained(text: str, zone: str, instead: str) -> None:
    with pytest.raises(PollError, match=f"does not exist in {zone}.*such as {instead}"):
        read_local(text, zone, "opens_at")


def test_a_time_that_was_left_alone_keeps_its_seconds_and_its_hour() -> None:
    second_half_past_two = 1792888200 + 3600
    for seconds in (1795366807, second_half_past_two):
        shown = local_text(seconds, "Europe/Berlin")
        assert read_local(shown, "Europe/Berlin", "opens_at", seconds) == seconds
        assert read_local(shown, "Europe/Berlin", "opens_at") != seconds
