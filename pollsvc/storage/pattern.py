"""Patterns for LIKE; a `%` in SQL itself would trip `databases`."""

import re

ESCAPE = "!"


def within(text: str) -> str:
    """The pattern of texts that hold this one; for `LIKE :pattern ESCAPE '!'`."""
    return "%" + re.sub("[!%_]", rf"{ESCAPE}\g<0>", text) + "%"
