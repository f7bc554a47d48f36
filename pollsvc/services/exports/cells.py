"""Cells of a CSV file that no spreadsheet runs as a formula."""

import re

_SILENT = r"\s\"'`´‘’“”«»\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""White space, quotes, and characters that are not seen: a spreadsheet may pass over them."""
_SIGNS = r"=+\-@＝＋－＠﹦﹢﹣﹫−⁼⁺₌₊"
"""What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), in full width too: spreadsheets
set to East Asian languages read those as their narrow twins (Unicode, NFKC)."""

_FORMULA = re.compile(rf"((?:\A|[;\t\r\n])[{_SILENT}]*)([{_SIGNS}])")
_LEADING_CONTROL = re.compile(r"\A[\t\r]")


def harmless(text: str) -> str:
    """A text, kept from being run as a formula by an apostrophe before it.

    Also where a separator comes before it: a spreadsheet that is set to a language in which numbers have
    decimal commas splits a file at semicolons, whatever is quoted.
    """
    if text[:1].isalnum() and ";" not in text and text.isprintable():
        return text  # most are so
    text = _FORMULA.sub(r"\1'\2", text)
    return "'" + text if _LEADING_CONTROL.match(text) else text


def cell(value: object) -> str | int | float:
    """A JSON value as a cell: numbers stay numbers, and what is not there is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, int | float) else harmless(str(value))
