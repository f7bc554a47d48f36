"""Which language tags are known."""

import re

from babel import Locale, UnknownLocaleError

_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


def is_lang(tag: str) -> bool:
    """Whether a BCP 47 tag names a language that CLDR knows."""
    try:
        return _TAG.fullmatch(tag) is not None and bool(Locale.parse(tag, sep="-"))
    except (ValueError, UnknownLocaleError, TypeError):
        return False


def unknown_lang(tag: str) -> str:
    """What is told of a tag that is none."""
    return f"{tag!r} is no language that is known; give a tag such as en or pt-BR."
