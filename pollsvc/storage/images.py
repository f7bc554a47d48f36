"""Images of options; the id is made of the content, so that an address never changes its picture."""

from typing import NamedTuple

from pollsvc.storage.database import Connection


class Image(NamedTuple):
    """An image as it is sent to readers; sizes in pixels."""

    id: str
    content_type: str
    content: bytes
    width: int
    height: int


async def insert_image(connection: Connection, image: Image, now: int) -> None:
    """Keep an image; one that is there already stays."""
    await connection.rows(
        "INSERT INTO images (id, content_type, content, width, height, created_at) "
        "VALUES (:id, :content_type, :content, :width, :height, :now) ON CONFLICT (id) DO NOTHING",
        **image._asdict(),
        now=now,
    )


async def load_image(connection: Connection, image: str) -> Image | None:
    """An image with its content."""
    rows = await connection.rows(
        "SELECT id, content_type, content, width, height FROM images WHERE id = :id", id=image
    )
    return Image(*rows[0]) if rows else None


async def exists(connection: Connection, image: str) -> bool:
    """Whether there is such an image."""
    return bool(await connection.rows("SELECT 1 FROM images WHERE id = :id", id=image))
