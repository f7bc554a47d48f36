"""Drawing from the side where reading starts: what is drawn for one direction is mirrored for the other."""

from functools import lru_cache
from typing import NamedTuple

from PIL import Image, ImageDraw

from pollsvc.services.pictures.typeface import Said, Style, Typeface

_FINER = 8  # pixels of a corner are made of so many by so many


class Box(NamedTuple):
    """A rectangle in pixels; `x` is where it begins, counted from the side where reading starts."""

    x: int
    y: int
    width: int
    height: int


class Pen:
    """Draws on a picture of one colour."""

    def __init__(self, typeface: Typeface, size: tuple[int, int], ground: str, *, mirrored: bool) -> None:
        self.image = Image.new("RGB", size, ground)
        self._typeface = typeface
        self._draw = ImageDraw.Draw(self.image)
        self._mirrored = mirrored

    def text(self, x: float, y: float, said: Said, style: Style, ink: str, align: str = "start") -> None:
        """A text on a baseline at `y`, that starts, ends or is centred (`middle`) at `x`."""
        anchor = {"start": "l", "middle": "m", "end": "r"}[align]
        if self._mirrored:
            x, anchor = self.image.width - x, {"l": "r", "m": "m", "r": "l"}[anchor]
        self._typeface.draw(self._draw, (round(x), round(y)), anchor + "s", said, style, ink)

    def block(self, box: Box, ink: str) -> None:
        """A rectangle."""
        if box.width > 0 and box.height > 0:
            self.image.paste(ink, self._area(box))

    def rounded(self, box: Box, radius: int, ink: str, *, part: tuple[float, float] = (1.0, 1.0)) -> None:
        """A rectangle with round corners; `part` of its width from the start, of its height from below.

        What is shown at all has three pixels.
        """
        width = min(box.width, max(3, round(box.width * part[0])))
        height = min(box.height, max(3, round(box.height * part[1])))
        mask = _mask(box.width, box.height, min(radius, box.width // 2, box.height // 2))
        left = box.width - width if self._mirrored else 0
        shown = mask.crop((left, box.height - height, left + width, box.height))
        self.image.paste(ink, self._area(Box(box.x, box.y + box.height - height, width, height)), shown)

    def _area(self, box: Box) -> tuple[int, int, int, int]:
        left = self.image.width - box.x - box.width if self._mirrored else box.x
        return left, box.y, left + box.width, box.y + box.height


@lru_cache(16)
def _mask(width: int, height: int, radius: int) -> Image.Image:
    """A rectangle with smooth round corners, in shades from 0 to 255."""
    mask = Image.new("L", (width, height), 255)
    side = 2 * radius
    round_ = Image.new("L", (side * _FINER, side * _FINER), 0)
    ImageDraw.Draw(round_).ellipse((0, 0, side * _FINER - 1, side * _FINER - 1), fill=255)
    corners = round_.reduce(_FINER) if radius else round_
    for left, to_left in ((0, 0), (radius, width - radius)):
        for top, to_top in ((0, 0), (radius, height - radius)):
            corner = corners.crop((left, top, left + radius, top + radius))
            mask.paste(corner, (to_left, to_top))
    return mask
