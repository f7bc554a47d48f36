"""The polls of a WordPress site come over with all of their votes."""

import json
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pollsvc.domain.clock import minute_of
from pollsvc.domain.errors import PollError
from pollsvc.domain.poll import Kind, State
from pollsvc.services.imports.intake import Imported
from pollsvc.services.imports.wp_import import import_wp_polls, plan
from pollsvc.services.imports.wp_polls import WpAnswer, WpPoll, read_csv, read_dump
from pollsvc.storage.history import history_of
from pollsvc.storage.log import entries
from tests.support.server import CliError, Service
from tests.support.transfer import EDITOR, MINUTE, NOW, Office, office_on

DATA = Path(__file__).parent / "data/wp-polls"
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    async with office_on(database_url, time_zone="America/New_York") as office:
        yield office


async def take_in(office: Office, polls: Iterable[WpPoll], **more: Any) -> list[Imported]:
    return await import_wp_polls(
        office.connection, office.site, polls, EDITOR, clock=lambda: office.now, **more
    )


def wp_poll(*labels: str, **more: Any) -> WpPoll:
    """A poll with three votes for its first answer."""
    values: dict[str, Any] = {
        "id": 7,
        "prefix": "wp_",
        "question": "Who won?",
        "answers": tuple(WpAnswer(id_, label, 0) for id_, label in enumerate(labels or ("A", "B"), 11)),
        "max_answers": 1,
        "voters": 3,
        "created_at": NOW - 86_400,
        "closes_at": None,
        "active": True,
        "scheduled": False,
        "ballots": Counter({(MINUTE - 60, (11,)): 3}),
        "notes": (),
    }
    return WpPoll(**(values | more))


async def test_a_dump_comes_in_with_all_votes(office: Office) -> None:
    with (DATA / "default.sql").open("rb") as file:
        sources = read_dump(file, NEW_YORK)
    told: list[tuple[int, int]] = []
    made = await take_in(office, sources, progress=lambda done, total: told.append((done, total)))
    assert [(each.question, each.ballots, each.poll is not None) for each in made] == [
        (source.question, source.voters, bool(source.answers)) for source in sources
    ]
    assert told[-1] == (315, 315)
    for source, (_, poll, _, notes) in zip(sources, made, strict=True):
        if poll is None:
            assert notes[-1] == "It is left out."
            continue
        assert (poll.question, poll.state(NOW)) == ({"en": source.question}, State.CLOSED)
        assert poll.kind is (Kind.MULTIPLE if source.max_answers > 1 else Kind.SINGLE)
        assert [option.label["en"] for option in poll.options] == [answer.label for answer in source.answers]
        exported = await office.json(poll.id)
        counts = [option["count"] for option in exported["results"]["options"]]
        assert counts == [answer.votes for answer in source.answers]
        cells = Counter({(cell["minute"], cell["selection"]): cell["count"] for cell in exported["tally"]})
        assert cells.total() == source.ballots.total()
        assert len(cells) == len(source.ballots)
        [noted] = await history_of(office.connection, poll.id)
        votes = "0 votes" if not source.voters else f"{source.voters} votes"
        assert noted.notice.new == f"{votes} from WP-Polls, not verified by pollsvc"
        [entry] = await entries(office.connection, subject=f"poll:{poll.id}")
        assert (entry.action, json.loads(entry.after)["origin"]) == ("poll.import", "WP-Polls")


async def test_csv_files_come_in_too(office: Office) -> None:
    with (
        (DATA / "wp_pollsq.csv").open(encoding="utf-8", newline="") as questions,
        (DATA / "wp_pollsa.csv").open(encoding="utf-8", newline="") as answers,
    ):
        made = await take_in(office, read_csv(questions, answers, None, NEW_YORK), lang="ar")
    assert [each.ballots for each in made] == [7, 6, 0, 300]
    assert {poll.lang for _, poll, _, _ in made if poll} == {"ar"}


async def test_when_a_poll_is_open(office: Office) -> None:
    day = 86_400
    cases = {
        "active": (wp_poll(), NOW, None),
        "active, until tomorrow": (wp_poll(closes_at=NOW + day), NOW, NOW + day),
        "active, until yesterday": (wp_poll(closes_at=NOW - 60), NOW - 60, NOW - 60),
        "active, closes before it opens": (wp_poll(closes_at=NOW - 9 * day), NOW, None),
        "closed by hand": (wp_poll(active=False), NOW - 59 * 60, NOW - 59 * 60),
        "closed by hand, no votes": (
            wp_poll(active=False, ballots=Counter()),
            NOW - day + 60,
            NOW - day + 60,
        ),
        "closed in time": (wp_poll(active=False, closes_at=NOW - day + 9), NOW - day + 9, NOW - day + 9),
        "scheduled": (
            wp_poll(active=False, scheduled=True, created_at=NOW + day, ballots=Counter()),
            NOW,
            None,
        ),
    }
    for what, (source, closes, closes_open) in cases.items():
        [planned] = plan(office.site, [source], NOW)
        assert planned.poll is not None
        assert (planned.poll.closes_at, planned.poll.state(NOW)) == (closes, State.CLOSED), what
        [planned] = plan(office.site, [source], NOW, keep_open=True)
        assert planned.poll is not None
        assert planned.poll.closes_at == closes_open, what
        if closes_open is None:
            state = State.SCHEDULED if source.scheduled else State.OPEN
            assert planned.poll.state(NOW) is state, what
    [made] = await take_in(office, [wp_poll()], keep_open=True)
    assert made.poll is not None
    assert made.poll.state(NOW) is State.OPEN
    assert (made.poll.created_at, made.poll.opens_at) == (NOW - day, NOW - day)


async def test_texts_that_do_not_fit_are_made_to(office: Office) -> None:
    source = wp_poll("Yes", "Yes", "x" * 200, "x" * 200, "", "\x07", question="?" * 400)
    [made] = await take_in(office, [source])
    assert made.poll is not None
    assert made.poll.question == {"en": "?" * 299 + "…"}
    labels = [option.label["en"] for option in made.poll.options]
    assert labels == ["Yes", "Yes (2)", "x" * 149 + "…", "x" * 146 + " (2)", "Answer 5", "Answer 6"]
    assert made.notes == [
        "The question is longer than 300 characters; its end is cut off.",
        "Answer 2 is “Yes (2)” here.",
        "Answer 3 is longer than 150 characters; its end is cut off.",
        "Answer 4 is longer than 150 characters; its end is cut off.",
        f"Answer 4 is “{'x' * 146} (2)” here.",
        "Answer 5 is empty; it is “Answer 5” here.",
        "Answer 6 is empty; it is “Answer 6” here.",
    ]


async def test_polls_that_cannot_be_are_left_out(office: Office) -> None:
    many = 10_000_001
    full = wp_poll(voters=many, ballots=Counter({(MINUTE, (11,)): many}))
    sources = [wp_poll("One"), wp_poll(*map(str, range(51))), full, wp_poll()]
    made = await take_in(office, sources, dry_run=True)
    assert [(each.poll is None, each.ballots) for each in made] == [(True, 0)] * 3 + [(False, 3)]
    made = await take_in(office, sources)
    assert [each.poll is None for each in made] == [True, True, True, False]
    assert made[0].notes == ["A poll needs 2 to 50 answers; this one has 1.", "It is left out."]
    assert made[2].notes == [
        "A poll can be imported with 10,000,000 votes at most; this one has 10,000,001.",
        "It is left out.",
    ]
    again = await take_in(office, [wp_poll()])
    assert made[3].poll is not None
    assert again[0].notes == [f"Poll {made[3].poll.id} of this site asks the same question."]
    with pytest.raises(PollError, match="no language"):
        await take_in(office, [wp_poll()], lang="xx")


async def test_votes_of_the_future_are_of_now(office: Office) -> None:
    [made] = await take_in(office, [wp_poll(ballots=Counter({(MINUTE + 90, (12,)): 2}))])
    assert made.notes == ["Votes that were logged after now: 2; they are put into this minute."]
    assert made.poll is not None
    assert {ballot.minute for ballot in await office.ballots(made.poll.id)} == {minute_of(NOW)}


async def test_what_fails_is_removed_and_what_is_in_stays(office: Office) -> None:
    broken = wp_poll(ballots=Counter({(MINUTE, (11,)): 2_500, (MINUTE, (99,)): 1}))
    with pytest.raises(KeyError):
        await take_in(office, [wp_poll(), broken, wp_poll()])
    assert (await office.sizes())["polls"] == 1
    assert (await office.sizes())["ballots"] == 3


async def test_many_votes_take_little_memory(office: Office) -> None:
    ballots = Counter({(MINUTE - number, (11 + number % 2,)): 20 for number in range(2_000)})
    source = wp_poll(ballots=ballots, voters=40_000)
    tracemalloc.start()
    try:
        [made] = await take_in(office, [source])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert made.ballots == 40_000
    assert peak < 12e6


async def test_the_command(service: Service) -> None:
    dump = ("poll", "import-wp-polls", "--site", "News", "--dump", str(DATA / "phpmyadmin.sql"))
    would = await service.cli(*dump, "--dry-run")
    assert (would["imported"], would["votes"], would["dry_run"]) == (4, 313, True)
    assert await service.cli("poll", "list") == []
    made = await service.cli(*dump, "--time-zone", "America/New_York", "--keep-open", "--lang", "ar")
    assert [(row["id"] is None, row["ballots"]) for row in made["polls"]] == [
        (row["id"] is not None, row["ballots"]) for row in would["polls"]
    ]
    states = {poll["id"]: poll["state"] for poll in await service.cli("poll", "list")}
    assert [states[row["id"]] for row in made["polls"]] == ["open", "closed", "scheduled", "closed"]
    files = [f"--{name}={DATA}/wp_polls{kind}.csv" for name, kind in (("questions", "q"), ("answers", "a"))]
    said = await service.run(
        "poll", "import-wp-polls", "--site", "News", *files, f"--log={DATA}/wp_pollsip.csv"
    )
    assert "asks the same question" in said
    assert said.endswith("Imported 4 polls with 313 votes; 0 left out.\n")
    for wrong in ([], files[:1], [files[0], *dump[4:]]):
        with pytest.raises(CliError, match="either --dump"):
            await service.run("poll", "import-wp-polls", "--site", "News", *wrong)
    assert (await service.cli("audit"))["ok"]
