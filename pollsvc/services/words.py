"""Texts, numbers, times and plurals in a reader's language, by CLDR's data (Babel)."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_datetime_format, get_timezone_gmt, get_timezone_name
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from pollsvc.domain.poll import direction
from pollsvc.services.catalogue import Catalogue
from pollsvc.services.solar_hijri import persian_date

_ZEROS = {"arab": "\u0660", "arabext": "\u06f0", "beng": "\u09e6", "deva": "\u0966", "mymr": "\u1040"}
"""The digit zero of numbering systems that CLDR gives languages; the other digits follow it in Unicode."""
_SAMPLES = (*range(201), 1000, 1_000_000)
"""Whole numbers among which each plural category that whole numbers have in CLDR is found."""
_LATE_GROUPS = frozenset({"es"})
"""Where digits are grouped from 10,000 on: CLDR's minimumGroupingDigits, which Babel leaves out."""
_PLACE = re.compile(r"\{(\w+)\}")


class Words:
    """The texts of one language, with what is put into them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._locale = Locale.parse(catalogue.lang)
        self._digits = self._locale.default_numbering_system
        self.lang = catalogue.lang
        self.dir = direction(catalogue.lang)

    def say(self, key: str, **values: object) -> str:
        """The text under a key, with its placeholders filled."""
        return _fill(self._catalogue.text(key), values)

    def count(self, key: str, number: int) -> str:
        """The plural under a key for a number, which stands in it as `{n}`."""
        return _fill(self._catalogue.plural(key, number), {"n": self.number(number)})

    def forms(self, key: str) -> dict[str, str]:
        """The plural under a key by CLDR's category, as `Intl.PluralRules` names it; `{n}` is left in it."""
        samples = {self._locale.plural_form(number): number for number in reversed(_SAMPLES)}
        return {category: self._catalogue.plural(key, samples[category]) for category in sorted(samples)}

    def has(self, key: str) -> bool:
        """Whether there is a text under a key."""
        return self._catalogue.has(key)

    def number(self, value: float, places: int = 0) -> str:
        """A number with so many decimals."""
        pattern = self._locale.decimal_formats[None].pattern.partition(".")[0]
        number = format_decimal(
            value,
            format=pattern + ("." + "0" * places if places else ""),
            locale=self._locale,
            group_separator=self.lang not in _LATE_GROUPS or abs(value) >= 10_000,
            numbering_system=self._digits,
        )
        return self._in_digits(number)

    def names(self, names: Sequence[str]) -> str:
        """Names as a list in a sentence, each kept apart from the direction of the text around it."""
        return str(format_list([isolated(name) for name in names], locale=self._locale))

    def percent(self, share: float) -> str:
        """A share from 0 to 1 as a percentage without decimals; halves are rounded up, as browsers do."""
        rounded = Decimal(str(share)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        sign = self._locale.number_symbols.get(self._digits, {}).get("percentSign", "%")
        percent = format_percent(rounded, locale=self._locale, numbering_system=self._digits)
        return self._in_digits(percent.replace("%", sign))

    def time(self, seconds: int, zone: str) -> str:
        """Unix seconds as a date and time in a time zone, which is named; in the language's own calendar."""
        moment = datetime.fromtimestamp(seconds, ZoneInfo(zone))
        if self.lang == "fa":
            date = persian_date(moment)
        else:
            date = format_date(moment, "medium", locale=self._locale)
        time = format_time(moment, "short", tzinfo=moment.tzinfo, locale=self._locale)
        name = get_timezone_name(moment, "short", locale=self._locale)
        if name.startswith(("+", "-")):  # CLDR has no short name for it
            name = get_timezone_gmt(moment, "long", locale=self._locale)
        together = str(get_datetime_format("medium", locale=self._locale)).replace("'", "")
        return self._in_digits(f"{together.replace('{0}', time).replace('{1}', date)} {name}")

    def _in_digits(self, text: str) -> str:
        """A text with the language's own digits in the place of ASCII's."""
        zero = _ZEROS.get(self._digits, "0")
        return text.translate({ord("0") + digit: ord(zero) + digit for digit in range(10)})


def isolated(text: str) -> str:
    """A text whose direction is its own, between FSI and PDI (Unicode Standard Annex 9, section 2.4)."""
    return f"\u2068{text}\u2069"


def language_name(tag: str) -> str:
    """A language's name in itself; the tag where CLDR does not know it."""
    try:
        name = Locale.parse(tag, sep="-").get_display_name()
    except (ValueError, UnknownLocaleError):
        name = None
    return name[0].upper() + name[1:] if name else tag


def _fill(text: str, values: Mapping[str, object]) -> str:
    """A text with its placeholders filled, all at once: what is put in may have braces of its own."""
    return _PLACE.sub(lambda found: str(values.get(found[1], found[0])), text)
