"""Dates of the Solar Hijri calendar, which Persian has in CLDR; Babel formats Gregorian dates only."""

from datetime import date

_EPOCH = 226_895
"""The day before the calendar's first, as `date.toordinal` counts."""
_MONTHS = (
    *("فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور"),
    *("مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"),
)
"""The months' names in Persian (CLDR)."""


def solar_hijri(day: date) -> tuple[int, int, int]:
    """The year, month and day of a Gregorian date.

    By cycles of 33 years with 8 leap years, as browsers reckon (ICU, `PersianCalendar`); they agree with the
    calendar in use, which follows the sun, from 1799 to 2123.
    """
    days = day.toordinal() - _EPOCH
    year = 1 + (33 * days + 3) // 12_053  # days in 33 years
    of_year = days - 365 * (year - 1) - (8 * year + 21) // 33
    month = of_year // 31 if of_year < 216 else (of_year - 6) // 30  # six of 31 days, then of 30
    return year, month + 1, of_year - 31 * min(month, 6) - 30 * max(month - 6, 0) + 1


def persian_date(day: date) -> str:
    """A Gregorian date as Persian says it, in ASCII digits: `1 آذر 1404`."""
    year, month, number = solar_hijri(day)
    return f"{number} {_MONTHS[month - 1]} {year}"
