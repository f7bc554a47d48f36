"""Numbers, times and plurals in a reader's language, by CLDR's data (Babel)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_datetime_format, get_timezone_gmt, get_timezone_name
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent


class Words:
    """The strings of one language, with what is put into them."""

    def __init__(self, strings: Mapping[str, Any]) -> None:
        self._strings = strings
        self._locale = Locale.parse(strings["lang"])
        self.lang: str = strings["lang"]
        self.dir: str = strings["dir"]

    def say(self, key: str, **values: object) -> str:
        """The string under a key, with its placeholders filled."""
        return _fill(self._strings[key], values)

    def count(self, key: str, number: int) -> str:
        """The plural under a key for a number, which stands in it as `{n}`."""
        forms = self._strings[key]
        form = forms.get(self._locale.plural_form(number), forms["other"])
        return _fill(form, {"n": format_decimal(number, locale=self._locale)})

    def has(self, key: str) -> bool:
        """Whether there is a string under a key."""
        return key in self._strings

    def number(self, value: float, places: int = 0) -> str:
        """A number with so many decimals."""
        form = "#,##0" + ("." + "0" * places if places else "")
        return str(format_decimal(value, format=form, locale=self._locale))

    def names(self, names: Sequence[str]) -> str:
        """Names as a list in a sentence, each kept apart from the direction of the text around it."""
        return str(format_list([isolated(name) for name in names], locale=self._locale))

    def percent(self, share: float) -> str:
        """A share from 0 to 1 as a percentage without decimals; halves are rounded up, as browsers do."""
        rounded = Decimal(str(share)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        return str(format_percent(rounded, locale=self._locale))

    def time(self, seconds: int, zone: str) -> str:
        """Unix seconds as a date and time in a time zone, which is named."""
        moment = datetime.fromtimestamp(seconds, ZoneInfo(zone))
        date = format_date(moment, "medium", locale=self._locale)
        time = format_time(moment, "short", tzinfo=moment.tzinfo, locale=self._locale)
        name = get_timezone_name(moment, "short", locale=self._locale)
        if name.startswith(("+", "-")):  # CLDR has no short name for it
            name = get_timezone_gmt(moment, "long", locale=self._locale)
        together = str(get_datetime_format("medium", locale=self._locale)).replace("'", "")
        return f"{together.replace('{0}', time).replace('{1}', date)} {name}"


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
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text
