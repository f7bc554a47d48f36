"""Reading the audit log, page by page."""

from typing import NamedTuple

from pollsvc.domain.log import Entry
from pollsvc.storage import log
from pollsvc.storage.database import Connection

PAGE = 50
"""Entries on a page."""


class LogPage(NamedTuple):
    """Entries, the newest first; `older` is what to give as `before` for the next page, None on the last."""

    entries: list[Entry]
    older: int | None


class AuditLog:
    """The log of who changed what, on a connection that nobody else uses meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(self, *, subject: str | None = None, before: int | None = None) -> LogPage:
        """The newest entries, or those before a number; of one subject, such as `poll:ID`, if it is given."""
        found = await log.entries(self._connection, subject=subject, before=before, limit=PAGE + 1)
        entries = found[:PAGE]
        return LogPage(entries, entries[-1].number if len(found) > PAGE else None)
