"""Whole numbers out of the texts that forms and addresses hold."""

from unicodedata import decimal


def digits(text: str) -> str:
    """The text with its decimal digits, of any script, as ASCII ones."""
    return "".join(str(decimal(letter)) if letter.isdecimal() else letter for letter in text)


def whole(text: str, digits: int, *, typed: bool = False) -> int | None:
    """The number that up to so many decimal digits write; None for any other text.

    So a number is bounded by what it is for, such as 18 digits for what a database holds. One that somebody
    `typed` may be in the digits of any script.
    """
    return int(text) if text.isdecimal() and (typed or text.isascii()) and len(text) <= digits else None
