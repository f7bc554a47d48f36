"""The texts of one language by key, from gettext's catalogues in `pollsvc/locale/`.

The template `pollsvc.pot` holds the English texts, and is all that English needs. A text's key is its
message context, so that the same English can be said in two ways elsewhere.
"""

from collections.abc import Mapping
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import NamedTuple

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ENGLISH = "en"
"""The language of the template."""
_ROOM = files("pollsvc") / "locale"


class Sources(NamedTuple):
    """The English texts by key: those that are one text, and those with a singular and a plural."""

    texts: Mapping[str, str]
    plurals: Mapping[str, tuple[str, str]]


class Catalogue:
    """The texts of a language; English where one is not translated."""

    def __init__(self, lang: str, sources: Sources, translations: NullTranslations) -> None:
        self.lang = lang
        self._sources = sources
        self._translations = translations

    def text(self, key: str) -> str:
        """The text under a key. Raises KeyError when there is none."""
        return self._translations.pgettext(key, self._sources.texts[key])

    def plural(self, key: str, number: int) -> str:
        """The form for a number of the plural under a key. Raises KeyError when there is none."""
        return self._translations.npgettext(key, *self._sources.plurals[key], number)

    def has(self, key: str) -> bool:
        """Whether there is a text under a key, without a plural."""
        return key in self._sources.texts


def languages() -> tuple[str, ...]:
    """The languages that there are catalogues for, sorted."""
    return tuple(sorted({ENGLISH, *(item.name for item in _ROOM.iterdir() if item.is_dir())}))


def read_sources() -> Sources:
    """The template, read."""
    texts: dict[str, str] = {}
    plurals: dict[str, tuple[str, str]] = {}
    with (_ROOM / "pollsvc.pot").open("rb") as file:
        for message in read_po(file):
            key = message.context
            if key is None:  # the header
                continue
            if isinstance(message.id, str):
                texts[key] = message.id
            else:
                plurals[key] = message.id[0], message.id[1]
    return Sources(texts, plurals)


def read_catalogue(lang: str, sources: Sources) -> Catalogue:
    """A language's texts. Raises OSError when it is none of `languages()`."""
    if lang == ENGLISH:
        return Catalogue(lang, sources, NullTranslations())
    compiled = BytesIO()
    with (_ROOM / lang / "LC_MESSAGES" / "pollsvc.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=lang))
    compiled.seek(0)
    return Catalogue(lang, sources, GNUTranslations(compiled))
