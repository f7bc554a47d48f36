"""What of a text can be drawn with a font: nothing is drawn wrong, and nothing as an empty box."""

import re
from collections.abc import Collection
from struct import unpack_from
from unicodedata import bidirectional, category, normalize

import emoji

LONGEST = 400
"""Characters of a text that are looked at: more never fit into a picture."""
ELLIPSIS = "…"
"""Stands for what is left out."""

_SKIPPED = frozenset({*range(0x202A, 0x202F), 0xAD, 0xFEFF, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080)})
"""Embeddings and overrides of direction, which can make a text read as another, and what is never seen."""
_KEPT = frozenset({0x200C, 0x200D, 0x200E, 0x200F, 0x61C, *range(0x2066, 0x206A)})
"""What shapes or directs the text around it and has no shape of its own."""
_VIRAMA = frozenset("\u09cd\u200d")
"""What binds the next letter to the one before."""
_SPACES = re.compile(r"[^\S\u00a0\u202f]+")
_SEVERAL = re.compile(r"…(?:\s*…)+")


def code_points(font: bytes) -> frozenset[int]:
    """The characters that a font has (OpenType, table `cmap`, format 4)."""
    tables = {
        font[12 + 16 * n : 16 + 16 * n]: unpack_from(">I", font, 20 + 16 * n)[0]
        for n in range(unpack_from(">H", font, 4)[0])
    }
    cmap = tables[b"cmap"]
    for n in range(unpack_from(">H", font, cmap + 2)[0]):
        start = cmap + unpack_from(">I", font, cmap + 8 + 8 * n)[0]
        if unpack_from(">H", font, start)[0] == 4:
            return frozenset(_format_4(font, start))
    raise ValueError("the font has no character table of format 4")


def _format_4(font: bytes, start: int) -> set[int]:
    double: int = unpack_from(">H", font, start + 6)[0]  # twice the number of segments
    segments = double // 2
    ends = unpack_from(f">{segments}H", font, start + 14)
    starts = unpack_from(f">{segments}H", font, start + 16 + double)
    found = {code for first, last in zip(starts, ends, strict=True) for code in range(first, last + 1)}
    return found - {0xFFFF}


def drawable(text: str, covered: Collection[int]) -> str:
    """A text in one line of what a font covers.

    Pictographs are left out, as they only go with words. Any other run of characters that the font has not
    becomes an ellipsis; a text that has no letter and no number left is empty.
    """
    plain = emoji.replace_emoji(text[:LONGEST], "") + (ELLIPSIS if len(text) > LONGEST else "")
    parts = [_drawn(char, covered) for char in normalize("NFC", plain)]
    line = _in_one_line(_SEVERAL.sub(ELLIPSIS, "".join(parts)))
    return line if any(category(char)[0] in "LN" for char in line) else ""


def _drawn(char: str, covered: Collection[int]) -> str:
    code, kind = ord(char), category(char)
    if code in _SKIPPED:
        return ""
    if code in covered or is_formatting(char):
        return char
    if kind == "Cc" or kind[0] == "Z":
        return " "
    same = normalize("NFKC", char)
    if same != char and all(ord(part) in covered for part in same):
        return same
    return "" if kind[0] == "M" or kind in ("Cf", "So", "Sk") else ELLIPSIS


def shown_in_one_line(text: str) -> str:
    """A text without what would turn it around and what XML cannot hold (XML 1.0, section 2.2)."""
    plain = text[:LONGEST] + (ELLIPSIS if len(text) > LONGEST else "")
    kept = (" " if category(char) == "Cc" else char for char in plain if not _is_skipped(char))
    return _in_one_line("".join(kept))


def _in_one_line(text: str) -> str:
    """A text with single spaces; those that join what is beside them stay."""
    return _SPACES.sub(" ", text).strip()


def _is_skipped(char: str) -> bool:
    code = ord(char)
    return code in _SKIPPED or category(char) in ("Cs", "Cn") or code & 0xFFFE == 0xFFFE


def is_formatting(char: str) -> bool:
    """Whether a character only shapes or directs what is around it, and takes no room."""
    return ord(char) in _KEPT


def needs_shaping(text: str) -> bool:
    """Whether a text is drawn wrong when each character is put beside the one before."""
    return any(
        bidirectional(char) in ("R", "AL", "AN") or category(char)[0] == "M" or "\u0900" <= char < "\u0e00"
        for char in text
    )


def clusters(text: str) -> list[str]:
    """A text in the pieces that it may be cut into: letters with their marks, and conjuncts of letters."""
    found: list[str] = []
    for char in text:
        joins = category(char)[0] == "M" or is_formatting(char)
        if found and (joins or found[-1][-1] in _VIRAMA):
            found[-1] += char
        else:
            found.append(char)
    return found


def direction_of(text: str, default: str) -> str:
    """`rtl` or `ltr` by the first letter that has a direction (Unicode Standard Annex 9, rule P2)."""
    for char in text:
        match bidirectional(char):
            case "L":
                return "ltr"
            case "R" | "AL":
                return "rtl"
    return default
