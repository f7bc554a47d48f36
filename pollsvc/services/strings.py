"""The words for readers, by language; a language is read when it is first asked for."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pollsvc.domain.poll import Poll
from pollsvc.services.catalogue import ENGLISH, Catalogue, Sources, languages, read_catalogue, read_sources
from pollsvc.services.widget_words import Needs, words_for_widget
from pollsvc.services.words import Words

_RENAMED = {"iw": "he", "in": "id"}  # codes of 1988 that some systems still send (IANA language subtags)
_KEPT = 1000
"""For how many kinds of polls, told apart by what their words depend on, the widget's words are kept."""


class Strings:
    """All languages. `langs` are their tags, sorted."""

    def __init__(self) -> None:
        self.langs = languages()
        self._catalogues: dict[str, Catalogue] = {}
        self._words: dict[str, Words] = {}
        self._for_widget: dict[tuple[str, Needs], Mapping[str, Any]] = {}

    def choose(self, *wanted: str) -> str:
        """The language for the first of these BCP 47 tags that has one, by primary subtag; else English."""
        for tag in wanted:
            lang = tag.partition("-")[0].lower()
            lang = _RENAMED.get(lang, lang)
            if lang in self.langs:
                return lang
        return ENGLISH

    def catalogue(self, lang: str) -> Catalogue:
        """The texts of one of `langs`. Reading one takes some 25 ms, once."""
        found = self._catalogues.get(lang)
        if found is None:
            found = self._catalogues[lang] = read_catalogue(lang, self._sources)
        return found

    def words(self, lang: str) -> Words:
        """The words of one of `langs`."""
        found = self._words.get(lang)
        if found is None:
            found = self._words[lang] = Words(self.catalogue(lang))
        return found

    def for_widget(self, poll: Poll, lang: str) -> Mapping[str, Any]:
        """What the widget is sent with a poll, as JSON values; the same object for polls with equal needs."""
        needs = Needs.of(poll)
        found = self._for_widget.get((lang, needs))
        if found is None:
            if len(self._for_widget) >= _KEPT:
                self._for_widget.clear()
            found = self._for_widget[lang, needs] = words_for_widget(needs, self.words(lang))
        return found

    @cached_property
    def _sources(self) -> Sources:
        return read_sources()
