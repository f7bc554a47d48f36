"""The bundles of ballots that are published, in parts."""

from typing import NamedTuple

from pollsvc.storage.database import Connection


class Published(NamedTuple):
    """A published bundle: when (Unix seconds), how many leaves, its bytes, their SHA-256 (hex).

    `later` is how many leaves the poll got since, when it went on or ballots were reviewed.
    """

    poll: str
    at: int
    leaves: int
    size: int
    sha256: str
    later: int = 0


async def published(connection: Connection, poll: str) -> Published | None:
    """What is published of a poll's ballots."""
    rows = await connection.rows(
        "SELECT published.poll_id, at, published.leaves, size, sha256, "
        "poll_versions.leaves - published.leaves "
        "FROM published JOIN poll_versions ON poll_versions.poll_id = published.poll_id "
        "WHERE published.poll_id = :poll",
        poll=poll,
    )
    return Published(*rows[0]) if rows else None


async def all_published(connection: Connection) -> list[Published]:
    """What is published of all polls."""
    rows = await connection.rows("SELECT poll_id, at, leaves, size, sha256 FROM published ORDER BY poll_id")
    return [Published(*row) for row in rows]


async def add_part(connection: Connection, poll: str, sha256: str, part: int, content: bytes) -> None:
    """Add a part of a bundle that is not published yet."""
    await connection.rows(
        "INSERT INTO published_parts (poll_id, sha256, part, content) "
        "VALUES (:poll, :sha256, :part, :content) ON CONFLICT (poll_id, sha256, part) DO NOTHING",
        poll=poll,
        sha256=sha256,
        part=part,
        content=content,
    )


async def part_of(connection: Connection, bundle: Published, part: int) -> bytes | None:
    """A part of a published bundle; None behind the last one, and when it is published no more."""
    rows = await connection.rows(
        "SELECT content FROM published_parts WHERE poll_id = :poll AND sha256 = :sha256 AND part = :part",
        poll=bundle.poll,
        sha256=bundle.sha256,
        part=part,
    )
    return bytes(rows[0][0]) if rows else None


async def publish(connection: Connection, bundle: Published) -> None:
    """Publish a bundle whose parts are there, in the place of the one before, in the current transaction."""
    await withdraw(connection, bundle.poll, but=bundle.sha256)
    await connection.rows(
        "INSERT INTO published (poll_id, at, leaves, size, sha256) "
        "VALUES (:poll, :at, :leaves, :size, :sha256)",
        **bundle._asdict(),
    )


async def withdraw(connection: Connection, poll: str, but: str = "") -> None:
    """Delete what is published of a poll, and all parts but those of this SHA-256."""
    await connection.rows("DELETE FROM published WHERE poll_id = :poll", poll=poll)
    await connection.rows(
        "DELETE FROM published_parts WHERE poll_id = :poll AND sha256 <> :but", poll=poll, but=but
    )
