"""Nobody is tracked: what a dump of the database tells of a thousand readers who voted in two polls."""

import asyncio
import hmac
import ipaddress
import random
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pollsvc.storage.schema_log import everything
from tests.support.reader import Http, new_key
from tests.support.server import ORIGIN, SECRET, Service, open_connection, run_service

READERS = 1_000
BROWSER = "Mozilla/5.0 (X11; a browser of the tests)"
ENV = {"POLLSVC_TRUSTED_PROXIES": "127.0.0.0/8", "POLLSVC_APPEAL_DAYS": "0"}

Dump = Mapping[str, Sequence[Sequence[Any]]]
"""The rows of each table; of `ballots` those columns that a matcher is given, see `dump`."""


class Person(NamedTuple):
    """A reader of the test: address, browser's key, and the token and selections that came of it."""

    address: str
    key: str
    token: str
    picks: tuple[int, int]

    @property
    def id(self) -> bytes:
        return urlsafe_b64decode(self.token.split(".")[1] + "==")


class Ballots(NamedTuple):
    """What a dump says of each ballot of a poll, by voter."""

    poll: str
    key: bytes
    rows: Mapping[str, Mapping[str, Any]]


async def thousand(http: Http, polls: tuple[str, str]) -> list[Person]:
    """So many readers, each with an address, who vote in both polls, in another order in each."""
    chance = random.Random(5)
    addresses = [f"100.{64 + n // 200}.{n % 200}.{chance.randrange(1, 255)}" for n in range(READERS // 2)]
    addresses += [f"2001:db8:{n:x}:{chance.randrange(1, 65_536):x}::1" for n in range(READERS - READERS // 2)]
    people = [
        Person(address, new_key(), "", (chance.randint(1, 3), chance.randint(1, 3))) for address in addresses
    ]
    turn = asyncio.Semaphore(50)

    async def vote(number: int, which: int) -> None:
        person = people[number]
        who = {"reader": person.token} if person.token else {"idempotency_key": person.key}
        body = {"selection": [person.picks[which]], "article": f"{ORIGIN}/news", **who}
        async with turn:
            answer = await http.post_vote(
                polls[which], body, X_Forwarded_For=person.address, User_Agent=BROWSER
            )
        assert answer.status == 201, answer
        people[number] = person._replace(token=answer.json["reader"])

    for which in (0, 1):
        order = list(range(READERS))
        chance.shuffle(order)
        await asyncio.gather(*(vote(number, which) for number in order))
    return people


async def dump(service: Service, polls: Iterable[str]) -> tuple[Dump, list[Ballots]]:
    """All tables, and by name what the ballots of these polls say."""
    async with open_connection(service.database_url) as connection:
        tables = {
            table.name: [tuple(row) for row in await connection.rows(f"SELECT * FROM {table.name}")]
            for table in everything.sorted_tables
        }
    names = [column.name for column in everything.tables["ballots"].columns]
    keys = {row[0]: bytes(row[polls_column("key")]) for row in tables["polls"]}
    ballots = [dict(zip(names, row, strict=True)) for row in tables["ballots"]]
    return tables, [
        Ballots(poll, keys[poll], {one["voter"]: one for one in ballots if one["poll_id"] == poll})
        for poll in polls
    ]


def polls_column(name: str) -> int:
    return [column.name for column in everything.tables["polls"].columns].index(name)


def voter(key: bytes, reader: bytes) -> str:
    """A reader's pseudonym in a poll, as docs/integrity.md says it is made."""
    return urlsafe_b64encode(hmac.digest(key, reader, "sha256")[:16]).decode().rstrip("=")


def matched(
    people: Sequence[Person], first: Ballots, second: Ballots, pairs: Iterable[tuple[str, str]]
) -> int:
    """How many of the pairs of voters, as somebody who guesses has made them, are one reader; by the keys."""
    truth = {voter(first.key, one.id): voter(second.key, one.id) for one in people}
    return sum(truth.get(one) == other for one, other in pairs)


def guesses(first: Ballots, second: Ballots) -> dict[str, list[tuple[str, str]]]:
    """How somebody with the dump could pair the ballots of two polls: by each column, and by their order."""
    ways = {}
    for column in ("voter", "number", "network", "batch", "minute", "selection"):
        one = sorted(first.rows, key=lambda each: (first.rows[each][column], first.rows[each]["number"]))
        other = sorted(second.rows, key=lambda each: (second.rows[each][column], second.rows[each]["number"]))
        ways[f"sorted by {column}"] = list(zip(one, other, strict=True))
        if column in ("voter", "network"):
            there = {row[column]: each for each, row in second.rows.items()}
            ways[f"same {column}"] = [
                (each, there[row[column]]) for each, row in first.rows.items() if row[column] in there
            ]
            halves = {row[column][5:]: each for each, row in second.rows.items()}
            ways[f"same end of {column}"] = [
                (each, halves[row[column][5:]])
                for each, row in first.rows.items()
                if row[column][5:] in halves
            ]
    return ways


def spellings(person: Person) -> Iterable[bytes]:
    """How a reader could stand in a file."""
    address = ipaddress.ip_address(person.address)
    yield person.address.encode()
    yield address.exploded.encode()
    if address.version == 6:  # four bytes of an IPv4 address stand somewhere by chance
        yield address.packed
        yield address.packed[:8]
    yield person.key.encode()
    yield person.token.encode()
    yield person.id
    yield person.id.hex().encode()
    yield person.token.split(".")[1].encode()


async def test_a_dump_links_nobody_across_two_polls(database_url: str, tmp_path: Path) -> None:
    async with (
        run_service(tmp_path, database_url, env=ENV, site=True) as service,
        Http(service.base_url) as http,
    ):
        article = f"{ORIGIN}/news"
        polls = (await service.add_poll(articles=[article]), await service.add_poll(articles=[article]))
        people = await thousand(http, polls)
        assert len({one.token for one in people}) == READERS
        tables, (first, second) = await dump(service, polls)
        assert [len(each.rows) for each in (first, second)] == [READERS, READERS]
        assert len({row["network"] for row in first.rows.values()}) > READERS // 2  # so there is something

        text = repr(tables).encode() + b"".join(path.read_bytes() for path in tmp_path.glob("pollsvc.db*"))
        found = [spelled for one in people for spelled in spellings(one) if spelled in text]
        assert found == []
        assert BROWSER.encode() not in text
        assert SECRET.encode() not in text
        assert not re.search(rb"\b100\.6[4-9]\.\d+\.\d+", text)

        told = {how: matched(people, first, second, pairs) for how, pairs in guesses(first, second).items()}
        print(
            f"\n{database_url.partition(':')[0]}: of {READERS} readers in two polls, linked by a dump: {told}"
        )
        assert max(told.values()) <= 8, told  # one in so many is found by chance: more than 8 once in 10^6

        # Who has the polls' keys and the readers' tokens finds them; that ends with the appeal period.
        known = [(voter(first.key, one.id), voter(second.key, one.id)) for one in people]
        assert all(one in first.rows and other in second.rows for one, other in known)
        async with service.editor() as editor:
            for poll in polls:
                await editor.close_poll(poll)
        await service.run("purge")
        tables, (purged, _) = await dump(service, polls)
        assert purged.key == b""
        assert {row["network"] for row in purged.rows.values()} == {""}
        files = b"".join(path.read_bytes() for path in tmp_path.glob("pollsvc.db*"))
        assert not [key for key in (first.key, second.key) if key in repr(tables).encode() + files]
        assert await http.counts(polls[0]) == [sum(one.picks[0] == n for one in people) for n in (1, 2, 3)]
    await service.assert_clean()
