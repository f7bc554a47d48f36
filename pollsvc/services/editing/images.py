"""Pictures that editors upload: checked, turned upright, made small, and rid of all that is not the picture.

What a camera or a program wrote beside the picture, such as where it was taken, is dropped.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO

from PIL import Image as Pictures
from PIL import ImageCms, ImageOps

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import PollError, bad
from pollsvc.storage.database import Connection
from pollsvc.storage.images import Image, delete_unused, insert_image
from pollsvc.storage.log import editing

MAX_UPLOAD = 5 * 1024 * 1024
"""The largest file that is taken, in bytes."""
MAX_PIXELS = 16_000_000
"""The largest picture that is taken, width times height: what a small file can unfold to in memory."""
MAX_JPEG_PIXELS = 40_000_000
"""The same for a JPEG, which is made smaller while it is unfolded."""
MAX_SIDE = 1_200
"""Width and height of what is kept, in pixels, at most."""
UNUSED = 86_400
"""Seconds after which a picture that no poll uses may be deleted."""

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_QUALITY = 85
_JPEG = ("JPEG", "MPO")
_LOSSLESS = ("PNG", "GIF")
_one_at_a_time = ThreadPoolExecutor(1, "images")  # a picture that is unfolded takes up to 350 MB


class Images:
    """Keeps pictures, on a connection that nobody else uses meanwhile."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def add(self, content: bytes) -> Image:
        """Keep a picture for readers; of equal ones, one is kept. Raises PollError `bad_request`.

        Pictures that were never used are deleted when another one comes.
        """
        image = await asyncio.get_running_loop().run_in_executor(_one_at_a_time, prepare, content)
        now = int(self._clock())
        async with editing(self._connection):  # so that no edit uses meanwhile what is deleted
            await insert_image(self._connection, image, now)
            await delete_unused(self._connection, now - UNUSED)
        return image


def prepare(content: bytes) -> Image:
    """A file's picture as it is sent to readers, in WebP; of an animation, the first frame.

    Raises PollError `bad_request` for what is no JPEG, PNG, WebP or GIF, or is too large. Can take seconds.
    """
    if len(content) > MAX_UPLOAD:
        raise bad(f"The image is larger than {MAX_UPLOAD // 1024**2} MiB; make it smaller.")
    try:
        with Pictures.open(BytesIO(content), formats=_FORMATS) as opened:
            most = MAX_JPEG_PIXELS if opened.format in _JPEG else MAX_PIXELS
            if opened.width * opened.height > most:
                raise _too_many_pixels()
            lossless = opened.format in _LOSSLESS
            picture = _upright(opened)
    except PollError:
        raise
    except (Pictures.DecompressionBombError, Pictures.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except Exception:  # decoders of broken files raise all there is
        raise bad("This file is no image that can be read; give a JPEG, PNG, WebP or GIF.") from None
    data = _encoded(picture, lossless=lossless)
    return Image(sha256(data).hexdigest()[:32], "image/webp", data, picture.width, picture.height)


def _upright(opened: Pictures.Image) -> Pictures.Image:
    """The picture in sRGB, turned as its metadata says, no larger than MAX_SIDE."""
    scale = MAX_SIDE / max(opened.size)  # a JPEG is unfolded no larger than needed, however long it is
    opened.draft("RGB", (max(1, int(opened.width * scale)), max(1, int(opened.height * scale))))
    profile = opened.info.get("icc_profile")
    picture = ImageOps.exif_transpose(opened)
    if picture.mode.startswith("I"):  # 16 bits of grey
        picture = picture.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if picture.mode in ("P", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    elif picture.mode not in ("RGB", "RGBA", "CMYK"):
        picture = picture.convert("RGB")
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Pictures.Resampling.LANCZOS)
    picture = _in_srgb(picture, profile)
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")
    return picture


def _in_srgb(picture: Pictures.Image, profile: object) -> Pictures.Image:
    """The picture's colours for browsers, which take those of a picture without a profile for sRGB."""
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    if not isinstance(profile, bytes):
        return picture.convert(mode)
    alpha = picture.getchannel("A") if mode == "RGBA" else None
    colours = picture.convert("RGB") if alpha else picture
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        turned = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        turned = None
    result = turned or colours.convert("RGB")
    if alpha:
        result.putalpha(alpha)
    return result


def _encoded(picture: Pictures.Image, *, lossless: bool) -> bytes:
    """The picture as WebP, without any metadata; drawings without loss where that takes fewer bytes."""
    found = [_webp(picture, lossless=False), *([_webp(picture, lossless=True)] if lossless else [])]
    return min(found, key=len)


def _webp(picture: Pictures.Image, *, lossless: bool) -> bytes:
    file = BytesIO()
    picture.save(file, "WEBP", quality=_QUALITY, lossless=lossless, method=4)
    return file.getvalue()


def _too_many_pixels() -> PollError:
    most, most_jpeg = MAX_PIXELS // 1_000_000, MAX_JPEG_PIXELS // 1_000_000
    return bad(
        f"The image has too many pixels; a JPEG can have {most_jpeg} million, any other image {most} million."
    )
