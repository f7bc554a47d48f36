"""A desk for one request of an editor or of a program: a database connection, and the services on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from pollsvc.domain.clock import Clock
from pollsvc.domain.log import SYSTEM, Actor
from pollsvc.services.accounts.api_keys import ApiKeys
from pollsvc.services.accounts.audit_log import AuditLog
from pollsvc.services.accounts.editors import Accounts
from pollsvc.services.accounts.passwords import Passwords
from pollsvc.services.accounts.sessions import Sessions
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.publishing import Publishing
from pollsvc.services.editing.alerts import Alerts
from pollsvc.services.editing.articles import Articles
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.finding import Finding
from pollsvc.services.editing.images import Images
from pollsvc.services.editing.judging import Judging
from pollsvc.services.editing.placing import Placing
from pollsvc.services.editing.reviewing import Reviewing
from pollsvc.services.editing.sites import Sites
from pollsvc.services.editing.written import WriteInCounts
from pollsvc.services.exports.exporting import Exporting
from pollsvc.services.imports.importing import Importing
from pollsvc.services.imports.intake import ImportMeans
from pollsvc.services.watching.lookout import Readings
from pollsvc.services.webhooks.webhooks import Webhooks
from pollsvc.storage.database import Connection
from pollsvc.storage.pool import Pool


class Means(NamedTuple):
    """What all work at a desk shares beside its connection."""

    clock: Clock
    passwords: Passwords
    keys: LogKeys = LogKeys(())
    webhook_origins: tuple[str, ...] = ()


class Work:
    """The services on one connection; what they change is logged as done by `actor`."""

    def __init__(self, connection: Connection, means: Means, actor: Actor) -> None:
        clock, passwords, keys, webhook_origins = means
        self._shared = connection, means
        self.actor = actor
        self.sessions = Sessions(connection, clock, actor)
        self.accounts = Accounts(connection, clock, passwords, actor)
        self.api_keys = ApiKeys(connection, clock, actor)
        self.sites = Sites(connection, clock, actor)
        self.editing = Editing(connection, clock, actor)
        self.reviewing = Reviewing(self.editing)
        self.judging = Judging(connection, clock, actor)
        self.alerts = Alerts(connection, clock, actor)
        self.publishing = Publishing(connection, clock, keys, actor)
        self.placing = Placing(connection, clock, actor)
        self.finding = Finding(connection, clock)
        self.articles = Articles(connection)
        self.written = WriteInCounts(connection)
        self.images = Images(connection, clock)
        self.readings = Readings(connection)
        self.exporting = Exporting(connection, clock)
        self.importing = Importing(ImportMeans(connection, actor, clock))
        self.webhooks = Webhooks(connection, clock, webhook_origins, actor)
        self.log = AuditLog(connection)

    def by(self, actor: Actor) -> "Work":
        """The same, done by somebody else: who asks is known only once a session or a key was found."""
        return Work(*self._shared, actor)


class Desk:
    """Opens a connection for each request, of a pool."""

    def __init__(self, pool: Pool, means: Means) -> None:
        self._pool = pool
        self._means = means

    @asynccontextmanager
    async def open(self, actor: Actor = SYSTEM) -> AsyncIterator[Work]:
        """Work that nobody else does on its connection. Raises PollError `busy` when none comes free."""
        async with self._pool.connection() as connection:
            yield Work(connection, self._means, actor)
