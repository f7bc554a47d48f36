"""A poll comes in as it went out, or not at all; readers see it whole, and vote on meanwhile."""

import asyncio
import io
import json
import re
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pollsvc.domain.ballot import COUNTS
from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Kind, Option, OptionState, Poll, Visibility
from pollsvc.services.editing.new_poll import NewOption, as_new
from pollsvc.services.editing.placing import Placing
from pollsvc.services.editing.reviewing import Reviewing
from pollsvc.services.editing.sites import Sites
from pollsvc.services.exports.formats import Format
from pollsvc.services.imports.export_file import MAX_LINE
from pollsvc.services.imports.intake import BATCH, BROKEN_OFF, ImportMeans, intake
from pollsvc.services.imports.polls import import_poll
from pollsvc.storage import imports as store
from pollsvc.storage import write_ins
from pollsvc.storage.history import history_of
from pollsvc.storage.log import editing, entries
from tests.support.reader import Http, Reader
from tests.support.server import CliError, Service, open_connection, until
from tests.support.transfer import EDITOR, MINUTE, NOW, Office, ndjson, office_on

STORY = "https://news.example/story"
OTHER = "https://news.example/other?id=2"


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    async with office_on(database_url) as office:
        yield office


async def rich(office: Office) -> Poll:
    """A poll of several answers in two languages, with options and ballots of every state."""
    answers = [("Iran", "إيران"), ("America", "أمريكا"), ("Neither", "لا أحد"), ("=SUM(A1)", "＋١")]
    options = [NewOption({"en": en, "ar": ar}) for en, ar in answers]
    poll = await office.create(
        {"en": "Who won?", "ar": "من فاز؟"},
        options,
        kind=Kind.MULTIPLE,
        max_picks=3,
        articles=[STORY, OTHER],
        visibility=Visibility.AFTER_VOTE,
        allow_change=True,
        shuffle=True,
        write_in=True,
        closes_at=NOW + 86_400,
    )
    for id_, text in enumerate(("Nobody", "No one", "Spam", "Everybody"), 5):
        async with editing(office.connection):
            option = Option(id_, {"en": text}, OptionState.PENDING, write_in=text.casefold())
            await write_ins.insert_write_in(office.connection, await office.editing.poll(poll.id), option)
    reviewing = Reviewing(office.editing)
    await reviewing.approve(poll.id, 5, "Nobody at all")
    await reviewing.merge(poll.id, 6, 5)
    await reviewing.reject(poll.id, 7)
    now = await office.editing.poll(poll.id)
    retired = [replace(option, retired=option.id == 3) for option in as_new(now).options]  # type: ignore[type-var,union-attr]
    await office.editing.edit_poll(poll.id, replace(as_new(now), options=retired))
    await office.vote(
        poll,
        {
            (0, MINUTE, "1,2,4", "counted"): 3,
            (1, MINUTE - 5, "5,6", "counted"): 2,
            (1, MINUTE - 5, "3", "held"): 1,
            (2, MINUTE - 9, "7,8", "counted"): 4,
            (2, MINUTE - 9, "1", "excluded"): 2,
            (2, MINUTE - 9, "", "counted"): 1,
        },
    )
    await Placing(office.connection, lambda: NOW, EDITOR).detach(poll.id, OTHER)
    return await office.editing.poll(poll.id)


def comparable(exported: Any) -> Any:
    """An export without what a new poll has of its own."""
    for member in ("id", "revision"):
        del exported["poll"][member]
    for member, name in (("export", "poll"), ("export", "at"), ("results", "version")):
        del exported[member][name]
    del exported["history"]
    return exported


async def same(office: Office, poll: Poll, format_: Format) -> Poll:
    """Import what is exported of a poll; what is exported of that is the same."""
    made = await office.take_in(await office.export(poll.id, format_=format_), attach=True)
    assert made.poll is not None
    assert made.poll.id != poll.id
    assert await office.editing.poll(made.poll.id) == made.poll
    assert comparable(await office.json(made.poll.id)) == comparable(await office.json(poll.id))
    await office.assert_clean()
    return made.poll


@pytest.mark.parametrize("format_", [Format.JSON, Format.NDJSON])
async def test_a_poll_comes_in_as_it_went_out(office: Office, format_: Format) -> None:
    poll = await rich(office)
    twin = await same(office, poll, format_)
    assert (twin.question, twin.options, twin.folds) == (poll.question, poll.options, poll.folds)
    assert (twin.key != poll.key, twin.results_key != poll.results_key) == (True, True)
    assert twin.placements == {STORY: 1}
    assert [place.poll for place in await Placing(office.connection, lambda: NOW).of_article(STORY)] == [
        poll.id,
        twin.id,
    ]


@pytest.mark.parametrize(
    ("kind", "selections"),
    [
        (Kind.SINGLE, ["1", "3"]),
        (Kind.MULTIPLE, ["1", "1,3", "2,3"]),
        (Kind.RANKED, ["1>2>3", "3>1>2"]),
        (Kind.REACTION, ["2", "3"]),
        (Kind.RATING, ["1", "5"]),
    ],
)
async def test_every_kind(office: Office, kind: Kind, selections: list[str]) -> None:
    options: Any = [NewOption(emoji=emoji) for emoji in "💔😡🎉"] if kind is Kind.REACTION else list("ABC")
    picks = {"min_picks": 3} if kind is Kind.RANKED else {}
    poll = await office.create(options=() if kind is Kind.RATING else options, kind=kind, **picks)
    await office.vote(poll, {(0, MINUTE, selection, "counted"): 2 for selection in selections})
    assert (await same(office, poll, Format.NDJSON)).kind is kind


async def test_drafts_archived_and_scheduled_polls_stay_so(office: Office) -> None:
    for more in ({"draft": True}, {"opens_at": NOW + 60}, {"opens_at": NOW - 9, "closes_at": NOW - 3}, {}):
        poll = await office.create(**more)
        twin = await same(office, poll, Format.JSON)
        assert (twin.draft, twin.opens_at, twin.closes_at) == (poll.draft, poll.opens_at, poll.closes_at)
    await office.editing.close_poll(poll.id)
    await office.editing.archive_poll(poll.id)
    assert (await same(office, poll, Format.JSON)).archived_at == NOW


async def test_the_ballots_are_of_voters_whom_nobody_can_be(office: Office) -> None:
    poll = await rich(office)
    made = await office.take_in(await office.export(poll.id))
    assert made.poll is not None
    old, new = await office.ballots(poll.id), await office.ballots(made.poll.id)
    assert made.ballots == len(new) == len(old) == 13
    assert all(re.fullmatch("[A-Za-z0-9_-]{22}", ballot.voter) for ballot in new)
    assert len({ballot.voter for ballot in new} - {ballot.voter for ballot in old}) == 13
    assert sorted(ballot.number for ballot in new) == [*range(1, 14)]
    assert {ballot.article for ballot in new} == {0}, "articles only on request"
    assert made.poll.placements == {}


async def test_what_is_told_of_an_import(office: Office) -> None:
    poll = await rich(office)
    content = await office.export(poll.id)
    office.now += 600
    made = await office.take_in(content)
    assert made.poll is not None
    assert made.notes == [
        f"Poll {poll.id} of this site asks the same question.",
        "The poll is not closed: readers who voted where it was before can vote again here.",
    ]
    [noted] = await history_of(office.connection, made.poll.id)
    text = "12 votes from a file that pollsvc exported, not verified by pollsvc"
    assert (noted.number, noted.at, noted.notice[:3]) == (1, NOW + 600, ("imported", None, text))
    [entry] = await entries(office.connection, subject=f"poll:{made.poll.id}")
    assert (entry.action, entry.actor, entry.at) == ("poll.import", "editor:abc", NOW + 600)
    assert json.loads(entry.after)["ballots"] == 13
    assert made.poll.created_at == NOW


async def test_an_image_that_is_not_here_is_left_out(office: Office) -> None:
    poll = await office.create()
    value = await office.json(poll.id)
    value["poll"]["options"][0] |= {"image": "gone", "alt": {"en": "A flag"}}
    made = await office.take_in(json.dumps(value).encode())
    assert made.poll is not None
    assert "The image of option 1 is not here; upload it and set it again." in made.notes
    assert (made.poll.options[0].image, made.poll.options[0].alt) == ("", {})


Change = Callable[[list[dict[str, Any]]], Any]

BAD_LINES: dict[str, tuple[Change, str]] = {
    "unknown record": (lambda r: r[3].update(type="odd"), "Line 4: Invalid value 'odd'"),
    "unknown kind": (lambda r: r[1].update(kind="odd"), "Line 2: Invalid enum value 'odd'"),
    "no question": (lambda r: r[1].update(question={}), "Line 2: The question is missing"),
    "long question": (lambda r: r[1].update(question={"en": "x" * 301}), "Line 2: The question is longer"),
    "one option": (lambda r: r[1]["options"].pop(), "Line 2: A poll needs 2 to 50 options"),
    "option twice": (lambda r: r[1]["options"][1].update(id=1), "Line 2: Two options have the same id"),
    "option 0": (lambda r: r[1]["options"][0].update(id=0), "Line 2: Expected `int` >= 1"),
    "option too high": (lambda r: r[1]["options"][0].update(id=40_000), "Line 2: Expected `int` <= 32767"),
    "merged nowhere": (
        lambda r: r[1]["options"][0].update(state="merged", merged_into=9, write_in=True),
        "Line 2: Option 1 is merged into none",
    ),
    "merged in a circle": (
        lambda r: [
            r[1]["options"][one].update(state="merged", merged_into=other, write_in=True)
            for one, other in ((0, 2), (1, 1))
        ],
        "Line 2: Option 1 is merged into none",
    ),
    "hidden for no reason": (lambda r: r[1]["options"][0].update(state="rejected"), "no reader wrote it"),
    "not folded": (lambda r: r[1]["options"][0].update(write_in=True, written="ABC"), "not folded"),
    "too many picks": (
        lambda r: r[1]["picks"].update(max=2),
        "Line 2: Readers of a poll of kind single pick one",
    ),
    "no language": (lambda r: r[1].update(lang="xx"), "Line 2: 'xx' is no language"),
    "no time": (lambda r: r[1].update(opens_at="soon"), "Line 2: opens_at is no time"),
    "made tomorrow": (lambda r: r[1].update(created_at="2098-01-01T00:00:00Z"), "Line 2: created_at"),
    "closes first": (lambda r: r[1].update(closes_at="1999-01-01"), "Line 2: A poll must close after"),
    "no article": (lambda r: r[1].update(placements=[{"link": "javascript:x"}]), "is no article URL"),
    "another option": (lambda r: r[-2].update(selection="3"), "Line 10: Pick only options of this poll"),
    "two options": (lambda r: r[-2].update(selection="1,2"), "Line 10: Pick exactly 1"),
    "no selection": (lambda r: r[-2].update(selection="x"), "Line 10: 'x' is no selection"),
    "not canonical": (lambda r: r[-2].update(selection="01"), "Line 10: '01' is no selection"),
    "other digits": (lambda r: r[-2].update(selection="١"), "Line 10: '١' is no selection"),
    "a list": (lambda r: r[-2].update(selection=[1]), "Line 10: Expected `str`, got `array`"),
    "unknown status": (lambda r: r[-2].update(status="odd"), "Line 10: Invalid enum value 'odd'"),
    "unknown article": (
        lambda r: r[-2].update(article="https://x.example/"),
        "Line 10: 'https://x.example/'",
    ),
    "a vote to come": (lambda r: r[-2].update(minute="2098-01-01T00:00:00Z"), "Line 10: '2098-01-01"),
    "a vote of no time": (lambda r: r[-2].update(minute="99999"), "Line 10: '99999' is no time"),
    "a vote before time": (lambda r: r[-2].update(minute="1950-01-01"), "Line 10: '1950-01-01' is no time"),
    "a vote in a draft": (lambda r: r[1].update(draft=True), "Line 10: A poll that is a draft"),
    "a vote before it opens": (
        lambda r: r[1].update(opens_at="2098-01-01T00:00:00Z"),
        "Line 10: A poll that is a draft, or has yet to open",
    ),
    "a vote less": (lambda r: r.pop(-2), "Line 3: The ballots do not add up to the voters"),
    "another vote": (
        lambda r: r[-2].update(selection="2"),
        "Line 3: The ballots do not add up to the options",
    ),
    "no end": (lambda r: r.pop(), "Line 11: The end of the export is missing"),
    "no head": (lambda r: r.pop(0), "begin with records of the types export and poll"),
    "no poll": (lambda r: r.pop(1), "begin with records of the types export and poll"),
    "newer": (lambda r: r[0].update(format=2), "Line 1: It was exported by a newer release"),
    "not all": (lambda r: r[0].update(what="ballots"), "Line 1: It holds only the ballots of a poll"),
    "two polls": (lambda r: r.insert(3, r[1]), "Line 4: A second poll begins here"),
    "a long line": (lambda r: r[-2].update(labels="x" * MAX_LINE), "Line 10: It is longer than 1 MiB"),
}


@pytest.mark.parametrize("what", BAD_LINES)
async def test_a_bad_line_is_named_and_nothing_is_left(office: Office, what: str) -> None:
    poll = await office.create()
    await office.vote(poll, {(0, MINUTE, "1", "counted"): 1})
    records, sizes = await office.lines(poll.id), await office.sizes()
    assert records[9]["type"] == "ballot"
    change, says = BAD_LINES[what]
    change(records)
    with pytest.raises(PollError) as error:
        await office.take_in(ndjson(records))
    assert (error.value.code, says in error.value.message) == (Code.BAD_REQUEST, True), error.value.message
    assert "\n" not in error.value.message
    assert len(error.value.message) < 400
    assert await office.sizes() == sizes


HEAD = b'{"type": "export", "format": 1, "what": "all"}\n'

NO_EXPORTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no JSON"),
    "blank": (b"\n\n", "no JSON"),
    "CSV": (b"id,question\n1,Who won?\n", "no JSON"),
    "a list": (b"[]", "Expected `object`"),
    "no members": (b"{}", "`export`"),
    "no poll": (b'{"export": {"format": 1, "what": "all"}}', "has no poll"),
    "not all": (b'{"export": {"format": 1, "what": "ballots"}, "ballots": []}', "--what all"),
    "cut off": (HEAD + b'{"type": "poll"', "Line 2: It is no JSON"),
    "deep": (HEAD + b"[" * 500_000, "Line 2: Expected `object`"),
    "deep at once": (b'{"type": "export", "x": ' + b"[" * 500_000, "no JSON"),
    "no UTF-8": (HEAD + b'{"type": "poll", "lang": "\xff"}\n', "Line 2: It is no JSON"),
    "large": (b"\x00" * (17 << 20), "16 MiB"),
}


@pytest.mark.parametrize("what", NO_EXPORTS)
async def test_what_is_no_export_is_refused(office: Office, what: str) -> None:
    content, says = NO_EXPORTS[what]
    with pytest.raises(PollError) as error:
        await office.take_in(content)
    assert (error.value.code, says in error.value.message) == (Code.BAD_REQUEST, True), error.value.message


async def test_a_bad_ballot_of_a_json_file_is_named(office: Office) -> None:
    poll = await office.create()
    await office.vote(poll, {(0, MINUTE, "1", "counted"): 3})
    value = await office.json(poll.id)
    value["ballots"][1]["selection"] = "7"
    with pytest.raises(PollError, match=r"^Ballot 2: Pick only options"):
        await office.take_in(json.dumps(value).encode())
    value["ballots"][1]["selection"] = 7
    with pytest.raises(PollError, match=r"ballots\[1\]\.selection"):
        await office.take_in(json.dumps(value).encode())


class Endless(io.BytesIO):
    """A file of so many ballots; `seen` is told of each that is read."""

    def __init__(
        self, records: list[dict[str, Any]], ballots: int, now: int, seen: Callable[[int], None]
    ) -> None:
        lines = [json.dumps(record).encode() + b"\n" for record in records]
        super().__init__(b"".join(lines[:-2]))
        self._ballot = json.loads(lines[-2])
        self._left, self._number = ballots, len(lines) - 2 + ballots
        self._now, self._seen = now, seen

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if line or self._left < 0:
            return line
        self._left -= 1
        self._seen(self._left)
        if self._left < 0:
            return json.dumps({"type": "end", "records": self._number}).encode()
        minute = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(self._now - self._left % 20_000 * 60))
        return json.dumps({**self._ballot, "minute": minute}).encode() + b"\n"


async def endless(office: Office, ballots: int, seen: Callable[[int], None] = lambda _: None) -> Endless:
    poll = await office.create("Template?")
    await office.vote(poll, {(0, office.now // 60, "1", "counted"): 1})
    records = [line for line in await office.lines(poll.id) if line["type"] != "results"]
    return Endless(records, ballots, office.now, seen)


async def take_in(office: Office, file: Endless) -> Any:
    return await import_poll(office.connection, office.site, file, EDITOR, clock=lambda: office.now)


async def test_a_long_file_takes_little_memory(office: Office) -> None:
    file = await endless(office, 20_000)
    tracemalloc.start()
    try:
        made = await take_in(office, file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert made.ballots == 20_000
    assert peak < 12e6


async def test_an_import_that_is_broken_off_leaves_nothing(office: Office) -> None:
    def full(left: int) -> None:
        if left == 100:
            raise OSError("the disk cannot be read")

    file = await endless(office, 3 * BATCH, full)
    sizes = await office.sizes()
    with pytest.raises(OSError, match="cannot be read"):
        await take_in(office, file)
    assert await office.sizes() == sizes


async def test_an_import_that_is_cancelled_leaves_nothing(office: Office) -> None:
    reached = asyncio.Event()
    file = await endless(office, 20 * BATCH, lambda left: reached.set() if left < 15 * BATCH else None)
    sizes = await office.sizes()
    task = asyncio.create_task(take_in(office, file))
    await reached.wait()
    async with open_connection(office.url) as other:
        seen = Office(office.url, other, office.site)
        assert (await seen.sizes())["ballots"] >= BATCH
        await seen.assert_clean()
        [half] = [poll for poll in await seen.editing.polls() if poll.archived_at]
        assert half.draft, "readers see nothing of it"
        with pytest.raises(PollError, match="being imported"):
            await seen.editing.open_poll(half.id)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await office.sizes() == sizes


async def test_what_a_killed_import_left_is_removed_a_day_later(office: Office) -> None:
    poll = await office.create()
    content, sizes = await office.export(poll.id), await office.sizes()
    left = replace(poll, id="left", draft=True, archived_at=NOW)
    await store.begin(office.connection, left, NOW)
    await office.vote(left, {(0, MINUTE, "1", "counted"): 5})
    office.now += BROKEN_OFF
    await office.take_in(content)
    assert "left" in {each.id for each in await office.editing.polls()}, "it may still be going on"
    office.now += 1
    await office.take_in(content)
    assert "left" not in {each.id for each in await office.editing.polls()}
    assert (await office.sizes())["ballots"] == sizes["ballots"] == 0


async def test_a_poll_is_taken_in_only_once_it_is_finished(office: Office) -> None:
    template = await office.create()
    sizes = await office.sizes()
    means = ImportMeans(office.connection, EDITOR, lambda: NOW)
    async with intake(means, replace(template, id="other")) as taking:
        await taking.add(0, MINUTE, "1", COUNTS, 7)
    assert await office.sizes() == sizes


async def test_votes_go_on_during_an_import(service_on: Service) -> None:
    poll = await service_on.add_poll()
    async with open_connection(service_on.database_url) as connection, Http(service_on.base_url) as http:
        site = await Sites(connection, time.time).get("News")
        office = Office(service_on.database_url, connection, site)
        office.now = int(time.time())
        file = await endless(office, 10 * BATCH)
        importing = asyncio.create_task(take_in(office, file))
        waits: list[float] = []
        while not importing.done():
            began = time.monotonic()
            answer = await Reader(http).vote(poll, 1 + len(waits) % 3)
            waits.append(time.monotonic() - began)
            assert answer.status == 201, answer
            hidden = [each for each in await office_polls(service_on) if each.archived_at is not None]
            for each in hidden:
                assert (await http.get(f"/api/v1/polls/{each.id}")).status == 404
        made = await importing
        assert made.ballots == 10 * BATCH
        assert len(waits) > 5
        assert sorted(waits)[len(waits) // 2] < 1
        assert max(waits) < 5

        async def shown() -> bool:
            return (await http.get(f"/api/v1/polls/{made.poll.id}")).status == 200

        await until(shown)
        assert (await http.results(made.poll.id))["voters"] == 10 * BATCH
        assert (await http.results(poll))["voters"] == len(waits)
    await service_on.assert_clean()


async def office_polls(service: Service) -> list[Poll]:
    async with service.editor() as editor:
        return await editor.polls()


async def test_the_commands(service: Service, tmp_path: Path) -> None:
    poll = await service.add_poll(articles=[STORY])
    async with Http(service.base_url) as http:
        await Reader(http).vote(poll, 2, article=STORY)
        await Reader(http).vote(poll, 3)
    for format_ in ("json", "ndjson"):
        file = tmp_path / f"poll.{format_}"
        await service.run("poll", "export", poll, "--format", format_, "--output", str(file))
        made = await service.cli("poll", "import", str(file), "--site", "News", "--attach")
        assert (made["question"], made["ballots"], made["left_out"]) == ("Who won?", 2, False)
        assert (await service.cli("results", made["id"]))["voters"] == 2
    said = await service.run("poll", "import", str(file), "--site", "News")
    assert re.match(r"\w{10} +2 ballots  Who won\?\n +- Poll \w{10} of this site asks the same", said)
    file.write_bytes(file.read_bytes()[:-40])
    for args in (
        (str(file), "--site", "News"),
        (str(file), "--site", "Nowhere"),
        ("nofile", "--site", "News"),
    ):
        with pytest.raises(CliError) as failed:
            await service.run("poll", "import", *args)
        assert failed.value.status == 2
    assert [name.name for name in tmp_path.glob("*.part")] == []
    assert (await service.cli("audit"))["ok"]
