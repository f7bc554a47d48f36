"""Reading a poll's tally in pages by key, so that an export of any size takes little memory.

Call these within `Connection.reading()`, so that all pages are of one moment. While such a transaction lasts,
SQLite cannot reset its write-ahead log, which grows with every vote, and PostgreSQL keeps old rows: read
on without waiting for a slow receiver.
"""

from collections.abc import AsyncIterator, Sequence
from heapq import heapify, heappop, heapreplace

from pollsvc.domain.tally import Cell
from pollsvc.storage.ballots import CELL_COLUMNS
from pollsvc.storage.database import Connection

PAGE = 1_000
"""How many cells are read at a time, so that others in this process get a turn every few milliseconds."""
_LEAST_PAGE = 20

Counted = tuple[Cell, int]
"""A cell of the tally, and how many ballots it counts."""


async def sum_ballots(connection: Connection, poll: str) -> int:
    """How many ballots a poll's tally counts, withdrawn ones included."""
    [(count,)] = await connection.rows(
        "SELECT COALESCE(SUM(count), 0) FROM tally WHERE poll_id = :poll", poll=poll
    )
    return int(count)


async def cell_pages(
    connection: Connection, poll: str, article: int | None = None, page: int = PAGE
) -> AsyncIterator[list[Counted]]:
    """The cells of a poll that count any ballots, or those of an article, in the order of their keys."""
    key: tuple[str, ...] = ("article", "minute", "selection", "status", "reason")
    condition = "poll_id = :poll"
    values: dict[str, object] = {"poll": poll}
    if article is not None:  # the key begins with it: compare only what follows, or the index is not used
        key, condition, values = key[1:], f"{condition} AND article = :article", values | {"article": article}
    last: Sequence[object] = (-1, -1, "", "", "")[-len(key) :]
    after = f"({', '.join(key)}) > ({', '.join(f':last_{name}' for name in key)})"
    while True:
        rows = await connection.rows(
            f"SELECT {CELL_COLUMNS} FROM tally WHERE {condition} AND {after} "
            f"ORDER BY {', '.join(key)} LIMIT {int(page)}",
            **values,
            **{f"last_{name}": value for name, value in zip(key, last, strict=True)},
        )
        if not rows:
            return
        yield [(Cell(*row[:-1]), int(row[-1])) for row in rows if row[-1]]
        last = tuple(rows[-1])[6 - len(key) : 6]


async def cells_by_minute(connection: Connection, poll: str) -> AsyncIterator[Counted]:
    """The cells of a poll that count any ballots, by minute.

    The tally's key has the article before the minute, so the articles are read side by side and merged.
    """
    rows = await connection.rows("SELECT DISTINCT article FROM tally WHERE poll_id = :poll", poll=poll)
    page = max(PAGE // max(len(rows), 1), _LEAST_PAGE)
    streams = [_cells(connection, poll, article, page) for (article,) in map(tuple, rows)]
    heap = [
        (first[0].minute, place, first)
        for place, stream in enumerate(streams)
        if (first := await anext(stream, None)) is not None
    ]
    heapify(heap)
    while heap:
        _, place, counted = heap[0]
        yield counted
        following = await anext(streams[place], None)
        if following is None:
            heappop(heap)
        else:
            heapreplace(heap, (following[0].minute, place, following))


async def _cells(connection: Connection, poll: str, article: int, page: int) -> AsyncIterator[Counted]:
    async for counted in cell_pages(connection, poll, article, page):
        for each in counted:
            yield each
