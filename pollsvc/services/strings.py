"""The words that readers see around a poll, by language: `pollsvc/strings/LANG.json`."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

FALLBACK = "en"


class Strings:
    """All languages, read once. A language is asked for by its BCP 47 tag and found by its primary subtag.

    `by_lang` is what the widget is sent; `for_pages` has also what only our own pages say, which stands
    under "page" in the files.
    """

    def __init__(self) -> None:
        texts = {
            item.name.removesuffix(".json"): json.loads(item.read_bytes())
            for item in files("pollsvc").joinpath("strings").iterdir()
            if item.name.endswith(".json")
        }
        pages = {lang: strings.pop("page") for lang, strings in texts.items()}
        self.by_lang: Mapping[str, Mapping[str, Any]] = dict(sorted(texts.items()))
        self.for_pages: Mapping[str, Mapping[str, Any]] = {
            lang: {**strings, **pages[lang]} for lang, strings in self.by_lang.items()
        }

    def choose(self, *wanted: str) -> str:
        """The first of these language tags that there are strings for; English when none is."""
        for tag in wanted:
            lang = tag.partition("-")[0].lower()
            if lang in self.by_lang:
                return lang
        return FALLBACK
