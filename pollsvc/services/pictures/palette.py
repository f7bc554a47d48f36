"""The colours of the pictures: those of `static/page.css`, and all that lie between two that touch."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from PIL import Image, ImageColor

_STEP = 16  # of 255 in a channel: how far apart the shades between two colours are, at least


class Theme(StrEnum):
    """Dark letters on a light ground, or the other way round."""

    LIGHT = "light"
    DARK = "dark"


class Palette(NamedTuple):
    """The colours of a theme, those of `static/page.css`."""

    paper: str
    ink: str
    quiet: str
    line: str
    accent: str
    track: str
    bar: str
    most: str
    open: str


PALETTES = {
    Theme.LIGHT: Palette(
        *("#ffffff", "#16181d", "#5a6070", "#d9dce3", "#1c4fd6", "#f3f4f7", "#dbe5ff", "#b4c9ff", "#17803d")
    ),
    Theme.DARK: Palette(
        *("#14161b", "#eceef2", "#a9b0bf", "#333946", "#8db0ff", "#1e222b", "#24345f", "#34508f", "#5fd38a")
    ),
}


def in_few_colours(image: Image.Image, theme: Theme) -> Image.Image:
    """A picture drawn in a theme's colours, with one byte for a pixel: a third of the size."""
    return image.quantize(palette=_shades(theme), dither=Image.Dither.NONE)


@lru_cache
def _shades(theme: Theme) -> Image.Image:
    """A theme's colours and what smooth edges need between them, as the palette of a picture."""
    p = PALETTES[theme]
    grounds = (p.paper, p.track, p.bar, p.most)
    pairs = [(ground, ink) for ink in (p.ink, p.quiet) for ground in grounds]
    pairs += [(p.paper, p.accent), (p.paper, p.open), (p.paper, p.line), (p.paper, p.bar), (p.paper, p.most)]
    own = [ImageColor.getrgb(colour)[:3] for colour in p]
    shades = [*own, *(shade for pair in pairs for shade in _between(*pair) if not _is_near(shade, own))]
    picture = Image.new("P", (1, 1))
    picture.putpalette([channel for shade in dict.fromkeys(shades) for channel in shade])
    return picture


def _between(first: str, last: str) -> Iterator[tuple[int, ...]]:
    """Two colours and evenly spaced ones between them, as red, green and blue."""
    start, end = ImageColor.getrgb(first)[:3], ImageColor.getrgb(last)[:3]
    steps = max(1, max(abs(a - b) for a, b in zip(start, end, strict=True)) // _STEP)
    for n in range(steps + 1):
        yield tuple(round(a + (b - a) * n / steps) for a, b in zip(start, end, strict=True))


def _is_near(shade: tuple[int, ...], own: Iterable[tuple[int, ...]]) -> bool:
    """Whether a shade could be taken for one of a theme's own colours, and an area be filled with it."""
    return any(max(abs(a - b) for a, b in zip(shade, colour, strict=True)) < _STEP * 3 // 4 for colour in own)
