"""Ballots in past minutes, by network, past all that readers go through."""

import itertools
import time
from collections.abc import Iterable

from pollsvc.domain.ballot import Admitted, Ballot, Cast
from pollsvc.domain.poll import Poll
from pollsvc.services.editing.alerts import Alerts
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.new_poll import NewPoll
from pollsvc.services.editing.sites import Sites
from pollsvc.services.watching.alarm import look
from pollsvc.storage.ballots import record
from pollsvc.storage.database import Connection
from tests.support.server import Service, open_connection, until

_voters = itertools.count()


async def put(connection: Connection, poll: str, votes: Iterable[tuple[int, int, str, bool]]) -> None:
    """Record votes: the Unix minute, the option, the network's tag, and whether the reader is new."""
    casts = [
        Cast(
            Ballot.of(poll, f"{next(_voters):022}", str(option), minute, fresh=fresh),
            allow_change=False,
            admit=lambda network=network: Admitted("counted", "", network),  # type: ignore[misc]
        )
        for minute, option, network, fresh in votes
    ]
    await record(connection, casts, 0)


def ordinary(first: int, minutes: int) -> list[tuple[int, int, str, bool]]:
    """Six votes a minute, give or take two, of all opinions and from as many networks."""
    return [
        (minute, 1 + n % 2, f"h{minute % 1000:03}{n}home.", n % 3 > 0)
        for minute in range(first, first + minutes)
        for n in range(4 + minute * 7 % 5)
    ]


def from_a_room(first: int, minutes: int, network: str = "roomsroom1") -> list[tuple[int, int, str, bool]]:
    """Twenty votes a minute for the first option, from one network."""
    return [(minute, 1, network, True) for minute in range(first, first + minutes) for _ in range(20)]


async def stuff_lately(
    connection: Connection, site: str = "News", question: str = "Who won?", lang: str | None = None
) -> Poll:
    """A poll that a room has stuffed in the last minutes."""
    now = time.time()
    minute = int(now) // 60
    options = ["إيران", "أمريكا"] if lang == "ar" else ["Iran", "America"]
    publisher = await Sites(connection, time.time).get(site)
    editing = Editing(connection, lambda: now - 7_200)
    poll = await editing.create_poll(publisher, NewPoll(question, options, lang=lang))
    await put(connection, poll.id, [*ordinary(minute - 110, 110), *from_a_room(minute - 12, 9)])
    return poll


async def stuffed(
    service: Service, site: str = "News", question: str = "Who won?", lang: str | None = None
) -> str:
    """Such a poll, of which a look has found it."""
    async with open_connection(service.database_url) as connection:
        poll = await stuff_lately(connection, site, question, lang)
        alerts = Alerts(connection, time.time)

        async def raised() -> bool:
            await look(connection, time.time)
            return bool(await alerts.count(poll))  # the service itself may have taken the poll

        await until(raised)
    return poll.id
