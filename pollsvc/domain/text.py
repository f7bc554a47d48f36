"""What people type: texts in one line and folded to be compared, and language tags in one spelling."""

from unicodedata import category, normalize

from pollsvc.domain.errors import bad

_UNSEEN = dict.fromkeys(
    [0xAD, 0x34F, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF]
)
"""What changes nothing that is seen of a text in one direction; the joiners, which do, are not among them."""
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters of Hangul that show nothing."""


def folded_text(text: str) -> str:
    """A text as it is searched and compared: NFKC, case folded, single spaces, nothing unseen."""
    return " ".join(normalize("NFKC", text).translate(_UNSEEN).casefold().split())


def can_be_seen(text: str) -> bool:
    """Whether a text shows anything: a letter, number, sign or mark of its own."""
    return any(category(char)[0] in "LNPS" and char not in _FILLERS for char in text)


def canonical_lang(tag: str) -> str:
    """A tag in the letters of BCP 47, section 2.1.1: `pt-BR`, `zh-Hant-TW`, `en-CA-x-ca`."""
    first, *others = tag.lower().split("-")
    parts, plain = [first], len(first) > 1
    for part in others:
        plain = plain and len(part) > 1  # what follows a singleton stays in lower case
        parts.append({2: part.upper(), 4: part.capitalize()}.get(len(part), part) if plain else part)
    return "-".join(parts)


def one_line(text: str, what: str, limit: int) -> str:
    """The text in one line. Raises PollError `bad_request` when it is empty, too long, or not text."""
    line = " ".join(text.split())
    message = fault_of(line, what, limit)
    if message:
        raise bad(message)
    return line


def fault_of(line: str, what: str, limit: int) -> str:
    """What is wrong with a line that is to have 1 to `limit` characters, as a sentence; empty if nothing."""
    if not line:
        return f"The {what} is empty; give it some text."
    if len(line) > limit:
        return f"The {what} is longer than {limit} characters; shorten it."
    if any(category(char) in {"Cc", "Cs"} for char in line) or not can_be_seen(line):
        return f"The {what} has characters that cannot be shown; remove them."
    return ""
