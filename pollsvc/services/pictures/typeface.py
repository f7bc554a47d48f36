"""The font of the pictures: how wide a text is, where it breaks, and drawing it.

Pillow has texts shaped by HarfBuzz and put in order by FriBiDi, which it loads from the system. Without that
one, only texts that need neither are drawn.
"""

import logging
from bisect import bisect_right
from functools import cached_property, lru_cache, partial
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from PIL import ImageDraw, ImageFont, features

from pollsvc.services.pictures.drawable import (
    ELLIPSIS,
    clusters,
    code_points,
    direction_of,
    drawable,
    is_formatting,
    needs_shaping,
    shown_in_one_line,
)

logger = logging.getLogger(__name__)

_MORE = 0.45  # sizes by which other fonts' characters are wider than the box that this one has for them


class Style(NamedTuple):
    """A size in pixels, and whether the letters are bold."""

    size: int
    bold: bool = False


class Said(NamedTuple):
    """A text as it can be drawn, with its language and base direction."""

    text: str
    lang: str
    dir: str


class Typeface:
    """A regular and a bold font in a folder; for one thread at a time."""

    def __init__(self, folder: Path, *, shapes: bool | None = None) -> None:
        self._folder = folder
        self._wanted = shapes
        self._font = lru_cache(64)(self._load)

    @cached_property
    def shapes(self) -> bool:
        """Whether texts of all scripts can be drawn; that they cannot is logged once."""
        able = features.check("raqm") if self._wanted is None else self._wanted
        if not able:
            logger.warning(
                "FriBiDi is missing: pictures leave out Arabic, Hebrew and Bengali. Install libfribidi0."
            )
        return bool(able)

    @cached_property
    def covered(self) -> frozenset[int]:
        """The characters that there are glyphs for."""
        return code_points((self._folder / "PollsvcSans-Regular.ttf").read_bytes())

    def said(self, text: str, lang: str, dir_: str) -> Said:
        """What can be drawn of a text, in its own direction; `dir_` is for texts that have none."""
        line = drawable(text, self.covered)
        if not self.shapes and needs_shaping(line):
            line = ""
        return Said(line, lang, direction_of(line, dir_))

    def foreign(self, text: str, lang: str, dir_: str) -> Said:
        """A text that others draw, with fonts of theirs; `width` guesses how wide it becomes."""
        line = shown_in_one_line(text)
        return Said(line, lang, direction_of(line, dir_))

    def width(self, said: Said, style: Style) -> float:
        """How wide a text is, in pixels; what the font has not is taken to be as wide as high."""
        if not said.text:
            return 0.0
        others = sum(ord(char) not in self.covered for char in said.text if not is_formatting(char))
        if not self.shapes:
            length = self._font(style).getlength(said.text)
        else:
            length = self._font(style).getlength(said.text, direction=said.dir, language=said.lang)
        return length + others * style.size * _MORE

    def cut(self, said: Said, style: Style, width: float) -> Said:
        """The text, or as much of its beginning as is no wider, with an ellipsis."""
        if self.width(said, style) <= width:
            return said
        pieces = clusters(said.text)

        def length(number: int) -> float:
            return self.width(self._with_ellipsis(said, pieces[:number]), style)

        most = bisect_right(range(1, len(pieces) + 1), width, key=length)
        return self._with_ellipsis(said, pieces[:most])

    def wrap(self, said: Said, style: Style, width: float, most: int) -> list[Said]:
        """The text in at most so many lines, much alike in width; cut with an ellipsis if need be."""
        words = [piece for word in said.text.split(" ") for piece in self._broken(said, word, style, width)]
        widths = [self.width(said._replace(text=word), style) for word in words]
        space = self.width(said._replace(text=" "), style)
        lines = _filled(widths, space, width)
        if len(lines) <= most:
            low, high = width / 2, width
            while high - low > 8:  # the narrowest that needs no more lines
                middle = (low + high) / 2
                if len(_filled(widths, space, middle)) <= len(lines) and max(widths, default=0) <= middle:
                    high = middle
                else:
                    low = middle
            lines = _filled(widths, space, high)
            return [said._replace(text=" ".join(words[start:end])) for start, end in lines]
        kept = [said._replace(text=" ".join(words[start:end])) for start, end in lines[: most - 1]]
        rest = said._replace(text=" ".join(words[lines[most - 1][0] :]))
        return [*kept, self.cut(rest, style, width)]

    def draw(
        self,
        on: ImageDraw.ImageDraw,
        at: tuple[float, float],
        anchor: str,
        said: Said,
        style: Style,
        ink: str,
    ) -> None:
        """Draw a text; `anchor` is Pillow's, such as `ls` for the left end of the baseline."""
        if not said.text:
            return
        font = self._font(style)
        if self.shapes:
            on.text(at, said.text, ink, font, anchor, direction=said.dir, language=said.lang)
        else:
            on.text(at, said.text, ink, font, anchor)

    def _broken(self, said: Said, word: str, style: Style, width: float) -> list[str]:
        """A word in pieces that are each no wider than a line."""
        found: list[str] = []
        while self.width(said._replace(text=word), style) > width:
            ends = list(accumulate(map(len, clusters(word))))
            most = bisect_right(ends, width, key=partial(self._width_to, said, word, style))
            end = ends[max(most - 1, 0)]
            found.append(word[:end])
            word = word[end:]
        return [*found, word] if word else found

    def _width_to(self, said: Said, word: str, style: Style, end: int) -> float:
        return self.width(said._replace(text=word[:end]), style)

    def _with_ellipsis(self, said: Said, pieces: list[str]) -> Said:
        return said._replace(text="".join(pieces).rstrip(" " + ELLIPSIS) + ELLIPSIS)

    def _load(self, style: Style) -> ImageFont.FreeTypeFont:
        name = "PollsvcSans-Bold.ttf" if style.bold else "PollsvcSans-Regular.ttf"
        engine = ImageFont.Layout.RAQM if self.shapes else ImageFont.Layout.BASIC
        return ImageFont.truetype(self._folder / name, style.size, layout_engine=engine)


def _filled(widths: list[float], space: float, width: float) -> list[tuple[int, int]]:
    """Words of these widths in lines, each as full as can be: where each begins and ends."""
    lines: list[tuple[int, int]] = []
    start, used = 0, 0.0
    for n, word in enumerate(widths):
        if n > start and used + space + word > width:
            lines.append((start, n))
            start, used = n, 0.0
        used += word + (space if n > start else 0)
    return [*lines, (start, len(widths))] if widths else []
