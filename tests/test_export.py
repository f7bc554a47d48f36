"""A poll leaves as a file: complete, anonymous, harmless to spreadsheets, and in little memory."""

import csv
import io
import json
import secrets
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Kind, Option, OptionState, Poll
from pollsvc.services.editing.new_poll import NewOption
from pollsvc.services.editing.placing import Placing
from pollsvc.services.exports.cells import cell, harmless
from pollsvc.services.exports.export import Wanted, export
from pollsvc.services.exports.formats import CHUNK, Format
from pollsvc.services.exports.sections import What
from pollsvc.services.watching.timeline import Bucket
from pollsvc.storage import write_ins
from pollsvc.storage.log import editing
from tests.support.server import open_connection
from tests.support.transfer import EDITOR, MINUTE, NOW, Office, office_on

STORY = "https://news.example/story?id=7"
OTHER = "https://news.example/other"


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    async with office_on(database_url, time_zone="Asia/Tehran") as office:
        yield office


def table(content: bytes) -> list[dict[str, str]]:
    """A CSV file as a spreadsheet reads it."""
    assert content.startswith(b"\xef\xbb\xbf"), "Excel would take it for another encoding"
    assert content.endswith(b"\r\n")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


async def voted(office: Office) -> Poll:
    """A poll with ballots of every status, on two articles, one of which it was taken from, and elsewhere."""
    poll = await office.create(
        options=("Iran", "America", "Neither"), articles=[STORY, OTHER], allow_change=True
    )
    await office.vote(
        poll,
        {
            (0, MINUTE - 1, "2", "counted"): 2,
            (1, MINUTE - 61, "1", "counted"): 3,
            (1, MINUTE - 61, "2", "held"): 1,
            (1, MINUTE - 1, "1", "counted"): 1,
            (2, MINUTE - 2000, "3", "excluded"): 2,
            (2, MINUTE - 1, "", "counted"): 1,
        },
    )
    await Placing(office.connection, lambda: NOW, EDITOR).detach(poll.id, OTHER)
    return poll


async def test_all_of_a_poll(office: Office) -> None:
    poll = await voted(office)
    value = await office.json(poll.id)
    assert list(value) == ["export", "poll", "results", "totals", "history", "tally", "ballots"]
    assert value["export"] == {
        "format": 1,
        "what": "all",
        "poll": poll.id,
        "at": "2027-01-15T08:00:00Z",
        "ballots": 10,
    }
    assert value["poll"]["articles"] == [STORY]
    assert value["poll"]["placements"] == [
        {"link": STORY, "url": STORY, "attached": True},
        {"link": OTHER, "url": OTHER, "attached": False},
    ]
    assert (value["results"]["voters"], value["results"]["held"], value["results"]["excluded"]) == (6, 1, 2)
    assert value["history"] == [
        {
            "number": 1,
            "at": "2027-01-15T08:00:00Z",
            "what": "published",
            "old": None,
            "new": None,
            "option": None,
            "lang": None,
        }
    ]
    assert {"article": None, "minute": "2027-01-15T07:59:00Z", "selection": "2", "labels": "America",
            "status": "counted", "reason": None, "count": 2} in value["tally"]  # fmt: skip
    counted = Counter({tuple(row.values())[:6]: row["count"] for row in value["tally"]})
    assert Counter(tuple(row.values()) for row in value["ballots"]) == counted
    assert {row["article"] for row in value["ballots"]} == {None, STORY, OTHER}


async def test_ndjson_says_the_same_line_by_line(office: Office) -> None:
    poll = await voted(office)
    value, lines = await office.json(poll.id), await office.lines(poll.id)
    assert lines.pop() == {"type": "end", "records": len(lines)}
    types = dict.fromkeys(line.pop("type") for line in lines)
    assert list(types) == ["export", "poll", "results", "total", "notice", "cell", "ballot"]
    flat = [
        record for member in value.values() for record in (member if isinstance(member, list) else [member])
    ]
    assert lines == flat


async def test_nothing_tells_who_voted(office: Office) -> None:
    poll = await voted(office)
    ballots = await office.ballots(poll.id)
    assert len(ballots) == 10
    for what in What:
        for format_ in Format:
            if (what, format_) != (What.ALL, Format.CSV):
                content = (await office.export(poll.id, what, format_)).decode()
                assert not [b for b in ballots if b.voter in content]
                assert '"voter"' not in content
    rows = [tuple(row.values()) for row in (await office.json(poll.id, What.BALLOTS))["ballots"]]
    kinds = list(dict.fromkeys(rows))
    assert rows == [kind for kind in kinds for _ in range(rows.count(kind))], "in the order of the tally"


async def test_totals_by_option_and_status(office: Office) -> None:
    poll = await voted(office)
    rows = table(await office.export(poll.id, What.TOTALS, Format.CSV))
    assert [tuple(row.values()) for row in rows] == [
        ("ballots", "", "", "", "6", "1", "2"),
        ("option", "1", "Iran", "active", "4", "0", "0"),
        ("option", "2", "America", "active", "2", "1", "0"),
        ("option", "3", "Neither", "active", "0", "0", "2"),
        ("other", "", "", "", "0", "0", "0"),
    ]
    value = await office.json(poll.id, What.TOTALS)
    assert value["results"] == (await office.json(poll.id))["results"]
    assert value["totals"][1] == {
        "of": "option",
        "option": 1,
        "label": "Iran",
        "state": "active",
        "counted": 4,
        "held": 0,
        "excluded": 0,
    }


async def test_articles_by_status(office: Office) -> None:
    poll = await voted(office)
    rows = table(await office.export(poll.id, What.ARTICLES, Format.CSV))
    counts = ["ballots", "1: Iran", "2: America", "3: Neither", "other"]
    assert list(rows[0]) == ["article", "attached", "status", *counts]
    assert [tuple(row.values()) for row in rows] == [
        ("", "", "counted", "2", "0", "2", "0", "0"),
        (STORY, "true", "counted", "4", "4", "0", "0", "0"),
        (STORY, "true", "held", "1", "0", "1", "0", "0"),
        (OTHER, "false", "counted", "0", "0", "0", "0", "0"),
        (OTHER, "false", "excluded", "2", "0", "0", "2", "0"),
    ]
    article = (await office.json(poll.id, What.ARTICLES))["articles"][1]
    assert article["options"][0] == {"id": 1, "count": 4}


async def test_a_series_by_minute_hour_and_day(office: Office) -> None:
    poll = await voted(office)  # now it is 2027-01-15 08:00 UTC, half past eleven in Tehran

    async def starts(bucket: Bucket, **more: Any) -> list[tuple[Any, ...]]:
        rows = table(await office.export(poll.id, What.SERIES, Format.CSV, bucket=bucket, **more))
        assert list(rows[0])[:4] == ["start", "voters", "held", "excluded"]
        assert sum(int(row["voters"]) for row in rows) == 6
        return [tuple(row.values())[:5] for row in rows]

    assert await starts(Bucket.MINUTE) == [
        ("2027-01-14T02:10:00+03:30", "0", "0", "2", "0"),
        ("2027-01-15T10:29:00+03:30", "3", "1", "0", "3"),
        ("2027-01-15T11:29:00+03:30", "3", "0", "0", "1"),
    ]
    assert await starts(Bucket.HOUR) == [
        ("2027-01-14T02:00:00+03:30", "0", "0", "2", "0"),
        ("2027-01-15T10:00:00+03:30", "3", "1", "0", "3"),
        ("2027-01-15T11:00:00+03:30", "3", "0", "0", "1"),
    ]
    assert await starts(Bucket.DAY) == [
        ("2027-01-14T00:00:00+03:30", "0", "0", "2", "0"),
        ("2027-01-15T00:00:00+03:30", "6", "1", "0", "4"),
    ]
    utc = await starts(Bucket.DAY, zone=ZoneInfo("UTC"))
    assert [start for start, *_ in utc] == ["2027-01-13T00:00:00Z", "2027-01-15T00:00:00Z"]
    head = (await office.json(poll.id, What.SERIES, bucket=Bucket.DAY))["export"]
    assert (head["bucket"], head["time_zone"]) == ("day", "Asia/Tehran")


async def test_a_series_of_many_articles_is_in_the_order_of_time(office: Office) -> None:
    articles = [f"https://news.example/{number}" for number in range(60)]
    poll = await office.create(articles=articles)
    votes = Counter(
        {(secrets.randbelow(61), MINUTE - secrets.randbelow(500), "1", "counted"): 1 for _ in range(4000)}
    )
    await office.vote(poll, votes)
    minutes: Counter[int] = Counter()
    for (_, minute, _, _), count in votes.items():
        minutes[minute] += count
    series = (await office.json(poll.id, What.SERIES, bucket=Bucket.MINUTE))["series"]
    assert [bucket["voters"] for bucket in series] == [count for _, count in sorted(minutes.items())]
    starts = [bucket["start"] for bucket in series]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("kind", "selection", "labels"),
    [
        (Kind.SINGLE, "2", "B"),
        (Kind.MULTIPLE, "1,3", "A | C"),
        (Kind.RANKED, "3>1>2", "C > A > B"),
        (Kind.REACTION, "1", "broken heart"),
        (Kind.RATING, "4", "4"),
    ],
)
async def test_every_kind_has_labels(office: Office, kind: Kind, selection: str, labels: str) -> None:
    options: Any = [NewOption(emoji=emoji) for emoji in "💔😡🎉"] if kind is Kind.REACTION else list("ABC")
    poll = await office.create(options=() if kind is Kind.RATING else options, kind=kind)
    await office.vote(poll, {(0, MINUTE, selection, "counted"): 2})
    [row, same] = table(await office.export(poll.id, What.BALLOTS, Format.CSV))
    assert row == same
    assert (row["selection"], row["labels"]) == (selection, labels)
    [bucket] = (await office.json(poll.id, What.SERIES))["series"]
    results = (await office.json(poll.id))["results"]
    assert bucket["voters"] == results["voters"] == 2
    assert [option["count"] for option in bucket["options"]] == [
        option["count"] for option in results["options"]
    ]


async def test_labels_are_in_the_language_that_is_asked_for(office: Office) -> None:
    options = [NewOption({"en": "Iran", "ar": "إيران"}), NewOption({"en": "America", "ar": "أمريكا"})]
    poll = await office.create({"en": "Who won?", "ar": "من فاز؟"}, options, lang="en")
    await office.vote(poll, {(0, MINUTE, "1", "counted"): 1})
    for lang, label in (("ar", "إيران"), ("ar-EG", "إيران"), (None, "Iran"), ("fa", "Iran")):
        [row] = table(await office.export(poll.id, What.BALLOTS, Format.CSV, lang=lang))
        assert row["labels"] == label
    rows = table(await office.export(poll.id, What.DEFINITION, Format.CSV))
    assert {"field": "question", "option": "", "lang": "ar", "value": "من فاز؟"} in rows
    assert {"field": "label", "option": "2", "lang": "ar", "value": "أمريكا"} in rows
    assert {"field": "max_picks", "option": "", "lang": "", "value": "1"} in rows


async def test_answers_of_readers_count_as_others_until_they_are_approved(office: Office) -> None:
    poll = await office.create(write_in=True)
    async with editing(office.connection):
        option = Option(3, {"en": "Nobody"}, OptionState.PENDING, write_in="nobody")
        await write_ins.insert_write_in(office.connection, poll, option)
    await office.vote(poll, {(0, MINUTE, "3", "counted"): 2, (0, MINUTE, "1", "counted"): 1})
    value = await office.json(poll.id)
    assert value["poll"]["options"][2] == {
        "id": 3,
        "label": {"en": "Nobody"},
        "state": "pending",
        "write_in": True,
        "written": "nobody",
    }
    assert value["totals"][-1] == {
        "of": "other", "option": None, "label": "", "state": "", "counted": 2, "held": 0, "excluded": 0,
    }  # fmt: skip
    assert {row["labels"] for row in value["ballots"]} == {"Iran", "Nobody"}
    [bucket] = (await office.json(poll.id, What.SERIES))["series"]
    assert (bucket["voters"], bucket["other"]) == (3, 2)


HOSTILE = [
    '=HYPERLINK("http://evil.example")',
    "+1",
    "-1",
    "@SUM(A1)",
    "＝1+1",
    "＠x",
    "' =1",
    '"=1',
    "\u200f=1",
    "a;=1+1",
    "a; \u200b-1",
    'quo"ted, comma',
]


async def test_no_cell_is_run_as_a_formula(office: Office) -> None:
    poll = await office.create("=1+1", HOSTILE, articles=["https://news.example/?a=;=1"], kind=Kind.MULTIPLE)
    await office.vote(poll, {(1, MINUTE, str(number), "counted"): 1 for number in range(1, len(HOSTILE) + 1)})
    await office.vote(poll, {(1, MINUTE, "1,2", "counted"): 1})
    for what in What:
        if what is What.ALL:
            continue
        content = (await office.export(poll.id, what, Format.CSV)).decode("utf-8-sig")
        for separator in ",;":
            lines = csv.reader(io.StringIO(content, newline=""), delimiter=separator)
            for text in (text for line in lines for text in line):
                bare = text.lstrip(' "\u200b\u200f')
                assert not bare.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＠")), (what, text)
    rows = table(await office.export(poll.id, What.BALLOTS, Format.CSV))
    assert {row["labels"] for row in rows} >= {"'+1", 'quo"ted, comma', "a;'=1+1"}


@given(
    st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("=+-@;\t\r\n'\" ＝＋－＠\u200f\ufeff"))
)
def test_a_harmless_cell_stays_so(text: str) -> None:
    safe = harmless(text)
    assert safe.replace("'", "") == text.replace("'", "")
    for part in safe.split(";"):
        assert not part.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert not safe.startswith(("\t", "\r"))


def test_numbers_stay_numbers() -> None:
    assert [cell(value) for value in (-5, 0, 1.5, True, None, "-5")] == [-5, 0, 1.5, "true", "", "'-5"]


async def test_what_cannot_be_exported(office: Office) -> None:
    with pytest.raises(PollError, match="no such poll") as error:
        await office.export("nosuchpoll")
    assert error.value.code is Code.NO_SUCH_POLL
    with pytest.raises(PollError, match="one table"):
        Wanted(What.ALL, Format.CSV)


async def test_an_empty_poll(office: Office) -> None:
    poll = await office.create()
    value = await office.json(poll.id)
    assert (value["tally"], value["ballots"], value["results"]["voters"]) == ([], [], 0)
    assert table(await office.export(poll.id, What.SERIES, Format.CSV)) == []
    assert (await office.lines(poll.id, What.BALLOTS))[-1] == {"type": "end", "records": 1}


async def test_an_export_is_of_one_moment_while_votes_come_in(office: Office, database_url: str) -> None:
    poll = await office.create()
    votes = {(0, MINUTE - number, "1", "counted"): 1 for number in range(3_000)}  # three pages
    await office.vote(poll, votes)
    async with open_connection(database_url) as other:
        writer = Office(database_url, other, office.site)
        content = b""
        async with export(office.connection, poll.id, Wanted(format=Format.NDJSON), NOW) as exported:
            async for chunk in exported.chunks:
                content += chunk
                await writer.vote(poll, {(0, MINUTE - secrets.randbelow(3_000), "2", "counted"): 5})
    lines = [json.loads(line) for line in content.splitlines()]
    ballots = [line for line in lines if line["type"] == "ballot"]
    assert len(ballots) == sum(line["count"] for line in lines if line["type"] == "cell") == 3_000
    assert lines[2]["voters"] == lines[0]["ballots"] == 3_000


async def test_who_stops_reading_leaves_a_connection_that_works(office: Office) -> None:
    poll = await office.create()
    await office.vote(poll, {(0, MINUTE, "1", "counted"): 1_000})
    async with export(office.connection, poll.id, Wanted(), NOW) as exported:
        async for chunk in exported.chunks:
            assert chunk
            break
    await office.vote(poll, {(0, MINUTE, "1", "counted"): 1})
    assert (exported.name, exported.media_type) == (f"poll-{poll.id}-all.json", "application/json")


async def fill(office: Office, poll: Poll, ballots: int, minutes: int) -> None:
    """Tally cells as that many ballots would have made them: what an export reads."""
    cells = Counter(
        (secrets.randbelow(2), MINUTE - secrets.randbelow(minutes), str(1 + n % 2)) for n in range(ballots)
    )
    rows = json.dumps([[poll.id, *cell, "counted", "", count] for cell, count in cells.items()])
    columns = office.connection.json_rows(
        ("poll_id", "text"), ("article", "smallint"), ("minute", "integer"), ("selection", "text"),
        ("status", "text"), ("reason", "text"), ("count", "bigint"),
    )  # fmt: skip
    await office.connection.rows(f"INSERT INTO tally {columns}", rows=rows)


@pytest.mark.parametrize("minutes", [1_440, 10_000], ids=["few cells", "many cells"])
async def test_60_000_ballots_take_little_memory(database_url: str, minutes: int) -> None:
    """Of Python's memory; the database's own cache is bounded by its settings."""
    async with office_on(database_url) as office:
        poll = await office.create(articles=[STORY])
        await fill(office, poll, 60_000, minutes)
        process = psutil.Process()
        for wanted in (Wanted(format=Format.NDJSON), Wanted(What.BALLOTS, Format.CSV), Wanted(What.SERIES)):
            ballots, before = 0, process.memory_info().rss
            tracemalloc.start()
            try:
                async with export(office.connection, poll.id, wanted, NOW) as exported:
                    async for chunk in exported.chunks:
                        assert len(chunk) < 4 * CHUNK
                        ballots += chunk.count(b'{"type":"ballot"') + chunk.count(b",counted,\r\n")
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert (peak < 4e6, process.memory_info().rss - before < 100e6) == (True, True), (wanted, peak)
            assert ballots == (0 if wanted.what is What.SERIES else 60_000)
        await office.connection.rows("DELETE FROM tally")
