"""The languages that an editor can choose from, with their names."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from babel import Locale, UnknownLocaleError, localedata

from pollsvc.domain.poll import direction

_REGIONAL = ("en-GB", "es-419", "fr-CA", "pt-BR", "pt-PT", "zh-Hans", "zh-Hant")
"""Tags with more than a language that news sites have editions in."""


class Language(NamedTuple):
    """A language by its BCP 47 tag, with its name in English and in itself, and its direction."""

    tag: str
    name: str
    own_name: str
    dir: str

    @property
    def label(self) -> str:
        """Both names; each is kept apart from the direction of the other (Unicode FSI and PDI)."""
        if self.own_name == self.name:
            return self.name
        return f"{self.name} · \u2068{self.own_name}\u2069"


@cache
def language(tag: str) -> Language:
    """The language of a tag; one that CLDR does not know is called by its tag."""
    try:
        locale = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError, TypeError):
        return Language(tag, tag, tag, direction(tag))
    name, own = locale.get_display_name("en"), locale.get_display_name()
    own = own[0].upper() + own[1:] if own else ""
    return Language(tag, name or tag, own or name or tag, direction(tag))


@cache
def languages() -> tuple[Language, ...]:
    """All languages that CLDR has data for, by their English names; their own names are left out.

    Reading those would take a second.
    """
    names = Locale("en").languages
    plain = [tag for tag in localedata.locale_identifiers() if tag in names and "_" not in tag]
    found = [Language(tag, names[tag], names[tag], direction(tag)) for tag in plain]
    return tuple(sorted((*found, *map(language, _REGIONAL)), key=lambda one: one.name))


def choices(first: Iterable[str]) -> tuple[list[Language], list[Language]]:
    """The languages of these tags, and all others: what a list to choose from shows on top, and below."""
    near = [language(tag) for tag in dict.fromkeys(first)]
    known = {one.tag for one in near}
    return near, [one for one in languages() if one.tag not in known]
