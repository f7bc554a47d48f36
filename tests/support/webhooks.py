"""Webhooks without a server: a site with polls at a time that tests set, and outboxes that tests drive."""

import itertools
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from pollsvc.domain.ballot import Ballot, Cast
from pollsvc.domain.log import Actor
from pollsvc.domain.poll import Poll
from pollsvc.domain.webhook import POLL_EVENTS, Delivery, Webhook
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.new_poll import NewPoll
from pollsvc.services.editing.sites import Sites
from pollsvc.services.webhooks.delivery import Sender
from pollsvc.services.webhooks.outbox import Outbox
from pollsvc.services.webhooks.webhooks import Webhooks
from pollsvc.storage.ballots import record
from pollsvc.storage.database import Connection
from tests.support.ballots import ADMITTED
from tests.support.server import open_connection
from tests.support.tables import make_tables

NOW = 1_800_000_000
ADMIN = Actor("editor", "adm", "anna")
BASE_URL = "https://polls.example"
ORIGIN = "http://127.0.0.1:9"
"""An origin that nothing answers at, for tests that send nothing."""


class Publisher:
    """The site News, its polls and its webhooks; `now` is the time for everything."""

    def __init__(self, url: str, connection: Connection, stack: AsyncExitStack) -> None:
        self.url = url
        self.connection = connection
        self.now = float(NOW)
        self.clock: Callable[[], float] = lambda: self.now
        self.editing = Editing(connection, self.clock, ADMIN)
        self.sites = Sites(connection, self.clock, ADMIN)
        self._stack = stack
        self._voters = itertools.count()

    def webhooks(self, *origins: str) -> Webhooks:
        return Webhooks(self.connection, self.clock, origins, ADMIN)

    async def hook(
        self, url: str = f"{ORIGIN}/hook", events: Collection[str] = POLL_EVENTS, site: str = "News"
    ) -> tuple[Webhook, str]:
        """A webhook to an origin that is allowed, and its secret."""
        origin = "/".join(url.split("/")[:3])
        return await self.webhooks(origin).add(await self.sites.get(site), url, events)

    async def poll(
        self, question: Any = "Who won?", options: Sequence[Any] = ("Iran", "America"), **more: Any
    ) -> Poll:
        """A new poll; `more` are fields of NewPoll."""
        site = await self.sites.get("News")
        return await self.editing.create_poll(site, NewPoll(question, options, **more))

    async def vote(self, poll: Poll, voters: int, status: str = "counted") -> list[str]:
        """Ballots of so many new voters, who are returned, past all that readers go through."""
        names = [f"{next(self._voters):022}" for _ in range(voters)]
        await self._record(poll, names, "1", status)
        return names

    async def withdraw(self, poll: Poll, voters: Sequence[str]) -> None:
        """Have voters withdraw their votes."""
        await self._record(poll, voters, "", "counted")

    async def _record(self, poll: Poll, voters: Sequence[str], selection: str, status: str) -> None:
        minute = int(self.now) // 60
        casts = [
            Cast(
                Ballot.of(poll.id, voter, selection, minute),
                allow_change=True,
                admit=lambda: ADMITTED[status],
            )
            for voter in voters
        ]
        await record(self.connection, casts, 0)

    async def outbox(self, *origins: str, timeout: float = 10, chance: float = 0) -> Outbox:
        """An outbox as a process has one; it does nothing by itself."""
        sender = Sender(self.clock, origins, timeout)
        outbox = Outbox(
            self.url,
            self.clock,
            BASE_URL,
            origins,
            self.connection.stamp,
            sender=sender,
            chance=lambda: chance,
        )
        await outbox.open()
        self._stack.push_async_callback(outbox.stop)
        return outbox

    async def queued(self, hook: Webhook) -> list[tuple[str, str, int]]:
        """Event, poll and number of all messages of a webhook, in the order in which they go out."""
        rows = await self.connection.rows(
            "SELECT event, poll_id, occasion FROM outbox WHERE webhook_id = :hook AND body <> '' ORDER BY id",
            hook=hook.id,
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def deliveries(self, hook: Webhook) -> Sequence[Delivery]:
        """How the messages of a webhook fare, the oldest first."""
        return (await self.webhooks().deliveries(hook.id))[::-1]


@asynccontextmanager
async def publisher(url: str) -> AsyncIterator[Publisher]:
    """A publisher on an empty database."""
    await make_tables(url)
    async with open_connection(url) as connection, AsyncExitStack() as stack:
        found = Publisher(url, connection, stack)
        await found.sites.add("News", ["https://news.example"])
        yield found
