"""Images of options; the id is made of the content, so that an address never changes its picture."""

import re
from typing import NamedTuple

from pollsvc.storage.database import Connection

_ID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_UNUSED_AT_ONCE = 100


class Image(NamedTuple):
    """An image as it is sent to readers; sizes in pixels."""

    id: str
    content_type: str
    content: bytes
    width: int
    height: int


async def insert_image(connection: Connection, image: Image, now: int) -> None:
    """Keep an image; one that is there already stays, as if it were new."""
    await connection.rows(
        "INSERT INTO images (id, content_type, content, width, height, created_at) "
        "VALUES (:id, :content_type, :content, :width, :height, :now) "
        "ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at",
        **image._asdict(),
        now=now,
    )


async def delete_unused(connection: Connection, before: int) -> None:
    """Delete some images that were kept before a time, and that no option has, nor had before readers."""
    await connection.rows(
        "DELETE FROM images WHERE id IN (SELECT id FROM images WHERE created_at < :before "
        "AND NOT EXISTS (SELECT 1 FROM options WHERE options.image = images.id AND options.image <> '') "
        "AND id NOT IN (SELECT old FROM poll_history WHERE what = 'image' AND old IS NOT NULL) "
        f"LIMIT {_UNUSED_AT_ONCE})",
        before=before,
    )


async def load_image(connection: Connection, image: str) -> Image | None:
    """An image with its content."""
    if not _ID.fullmatch(image):
        return None
    rows = await connection.rows(
        "SELECT id, content_type, content, width, height FROM images WHERE id = :id", id=image
    )
    return Image(*rows[0]) if rows else None


async def exists(connection: Connection, image: str) -> bool:
    """Whether there is such an image."""
    if not _ID.fullmatch(image):
        return False
    return bool(await connection.rows("SELECT 1 FROM images WHERE id = :id", id=image))
