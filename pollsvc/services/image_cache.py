"""Images of options on their way to readers: the latest ones are kept in memory."""

from typing import NamedTuple

from pollsvc.domain.errors import Code, PollError
from pollsvc.storage.database import Connection, busy_if_away
from pollsvc.storage.images import Image, load_image

MAX_BYTES = 16 * 1024 * 1024
"""How much of images is kept, in bytes."""
_MAX_SIZES = 10_000  # images whose size is kept


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


class ImageCache:
    """Finds images by id; an id's content never changes, so that what is kept stays true."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._images: dict[str, Image] = {}  # the latest asked for last
        self._sizes: dict[str, Size] = {}
        self._bytes = 0

    async def get(self, id_: str) -> Image:
        """An image with its content. Raises PollError: `not_found`, `busy`."""
        image = self._images.pop(id_, None)
        if image is not None:
            self._images[id_] = image
            return image
        with busy_if_away():
            image = await load_image(self._connection, id_)
        if image is None:
            raise _not_found()
        self._keep(image)
        return image

    async def size(self, id_: str) -> Size | None:
        """How large an image is; None if there is none."""
        if id_ in self._sizes:
            return self._sizes[id_]
        try:
            image = await self.get(id_)
        except PollError as error:
            if error.code is not Code.NOT_FOUND:
                raise
            return None
        if len(self._sizes) >= _MAX_SIZES:
            self._sizes.clear()
        size = self._sizes[id_] = Size(image.width, image.height)
        return size

    def _keep(self, image: Image) -> None:
        if len(image.content) > MAX_BYTES or image.id in self._images:
            return  # it would push out all others, or another request for it was faster
        self._images[image.id] = image
        self._bytes += len(image.content)
        while self._bytes > MAX_BYTES:
            self._bytes -= len(self._images.pop(next(iter(self._images))).content)


def _not_found() -> PollError:
    return PollError(Code.NOT_FOUND, "There is no such image; check the address.")
