"""Persian dates are those of the Solar Hijri calendar, on pages and pictures as in the widget."""

from datetime import date

import pytest
from playwright.async_api import Browser

from pollsvc.services.solar_hijri import persian_date, solar_hijri
from pollsvc.services.strings import Strings
from tests.support.reader import Http
from tests.support.server import Service

pytest_plugins = ("tests.support.browser_fixtures",)

_DAYS = """([from, to]) => {
  const format = new Intl.DateTimeFormat('en-u-ca-persian-nu-latn', {dateStyle: 'short', timeZone: 'UTC'});
  const days = [];
  for (let day = from; day < to; day++) {
    const parts = format.formatToParts(day * 864e5).map(({type, value}) => [type, +value]);
    const {year, month, day: number} = Object.fromEntries(parts);
    days.push([year, month, number]);
  }
  return days;
}"""
_SAID = "day => new Date(day * 864e5).toLocaleDateString('fa', {dateStyle: 'medium', timeZone: 'UTC'})"
EPOCH = date(1970, 1, 1).toordinal()


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(1979, 4, 1), (1358, 1, 12)),
        (date(2025, 3, 20), (1403, 12, 30)),  # the last day of a leap year
        (date(2025, 3, 21), (1404, 1, 1)),
        (date(2025, 9, 22), (1404, 6, 31)),
        (date(2025, 9, 23), (1404, 7, 1)),
        (date(2026, 3, 20), (1404, 12, 29)),
        (date(2026, 3, 21), (1405, 1, 1)),
    ],
)
def test_days_around_the_turns_of_years_and_halves(day: date, expected: tuple[int, int, int]) -> None:
    assert solar_hijri(day) == expected


async def test_each_day_of_three_centuries_is_that_of_browsers(browser: Browser) -> None:
    first, last = date(1799, 1, 1).toordinal(), date(2124, 1, 1).toordinal()
    page = await browser.new_page()
    try:
        days = await page.evaluate(_DAYS, [first - EPOCH, last - EPOCH])
        assert days == [list(solar_hijri(date.fromordinal(day))) for day in range(first, last)]
        for month in range(1, 13):
            day = date(2026, month, 1)
            said = persian_date(day).translate(dict(zip(map(ord, "0123456789"), "۰۱۲۳۴۵۶۷۸۹", strict=True)))
            assert said == await page.evaluate(_SAID, day.toordinal() - EPOCH)
    finally:
        await page.close()


def test_the_date_is_that_of_the_time_zone() -> None:
    words = Strings().words("fa")
    new_year = 1_742_502_600  # 2025-03-20T20:30Z, midnight in Tehran
    assert words.time(new_year - 60, "Asia/Tehran").startswith("۳۰ اسفند ۱۴۰۳")
    assert words.time(new_year, "Asia/Tehran").startswith("۱ فروردین ۱۴۰۴")
    assert words.time(new_year, "UTC").startswith("۳۰ اسفند ۱۴۰۳")


async def test_a_persian_page_says_when_its_poll_closes(shared: Service, http: Http) -> None:
    poll = await shared.add_poll("چه کسی برد؟", ["ایران", "هیچ‌کس"], lang="fa", closes_at=4_102_444_800)
    page = (await http.get(f"/p/{poll}")).body.decode()
    assert "۱۲ دی ۱۴۷۸" in page  # 2100-01-01
    assert "ژانویه" not in page
