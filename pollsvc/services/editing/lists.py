"""What lists of polls and of articles are asked for: texts to be found, and the place where a page begins."""

from pollsvc.domain.errors import bad

MAX_TEXT = 200
"""The longest text that is searched for, in characters."""


def searched(text: str) -> str:
    """A text to search for, without spaces around it. Raises PollError `bad_request` when it is too long."""
    text = text.strip()
    if len(text) > MAX_TEXT:
        raise bad(f"Search for at most {MAX_TEXT} characters.", "text")
    return text


def place_of(after: str | None) -> tuple[int, str] | None:
    """The time and the key of the last one on the page before, as `TIME-KEY`; None for the first page.

    Raises PollError `bad_request` for what no page gave.
    """
    if after is None:
        return None
    time, _, key = after.partition("-")
    if not time.isascii() or not time.isdigit() or len(time) > 12:
        raise bad("This is no place in the list; take it as the answer before gave it.", "after")
    return int(time), key
