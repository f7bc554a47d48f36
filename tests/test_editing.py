"""Polls are made and corrected without a vote losing its meaning, and every edit leaves its trace."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from pollsvc.domain.ballot import COUNTS, Ballot, Cast
from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.log import Actor
from pollsvc.domain.poll import Kind, Option, OptionState, Poll, State
from pollsvc.domain.tally import results_of
from pollsvc.services.audit import audit
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.editing import placing
from pollsvc.services.editing.articles import Articles
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.finding import Finding
from pollsvc.services.editing.lists import MAX_TEXT
from pollsvc.services.editing.new_poll import NewOption, NewPoll, as_new
from pollsvc.services.editing.placing import Placing
from pollsvc.services.editing.reviewing import Reviewing
from pollsvc.services.editing.sites import Sites
from pollsvc.storage.ballots import record
from pollsvc.storage.database import Connection
from pollsvc.storage.history import history_of
from pollsvc.storage.imports import begin
from pollsvc.storage.log import editing, entries
from pollsvc.storage.polls import load_poll, update_poll
from pollsvc.storage.tallies import load_totals
from tests.support.server import SECRET, open_connection

NOW = 1_800_000_000
EDITOR = Actor("editor", "abc", "anna")
KEYS = LogKeys([SECRET])
ARTICLE = "https://news.example/story"


class Newsroom:
    """A site, and editors at work on it, at a time that tests set."""

    def __init__(self, url: str, connection: Connection) -> None:
        self.url = url
        self.connection = connection
        self.now = float(NOW)
        self.editing = self.editor(connection)
        self.placing = Placing(connection, lambda: self.now, EDITOR)

    def editor(self, connection: Connection) -> Editing:
        return Editing(connection, lambda: self.now, EDITOR)

    async def create(
        self, question: Any = "Who won?", options: Any = ("Iran", "America"), **more: Any
    ) -> Poll:
        site = await Sites(self.connection, lambda: self.now).get("News")
        return await self.editing.create_poll(site, NewPoll(question, options, **more))

    async def vote(self, poll: Poll, voter: str, selection: str, article: int = 0) -> None:
        """A ballot, past all that readers go through."""
        ballot = Ballot.of(poll.id, voter.ljust(22, "x"), selection, int(self.now) // 60, article=article)
        cast = Cast(ballot, allow_change=False, admit=lambda: COUNTS)
        await record(self.connection, [cast], 0)

    async def counts(self, poll: str) -> dict[int, int]:
        version, totals = await load_totals(self.connection, poll)
        return results_of(await self.editing.poll(poll), version, totals).options

    async def history(self, poll: str) -> list[tuple[str, str | None, str | None]]:
        return [noted.notice[:3] for noted in await history_of(self.connection, poll)]

    async def assert_clean(self) -> None:
        assert (await audit(self.connection, KEYS)).differences == []


@pytest.fixture
async def room(database_url: str) -> AsyncIterator[Newsroom]:
    async with open_connection(database_url) as connection:
        await Sites(connection, lambda: NOW).add("News", ["https://news.example"])
        room = Newsroom(database_url, connection)
        yield room
        await room.assert_clean()


@asynccontextmanager
async def refused(code: Code, says: str = "") -> AsyncIterator[PollError]:
    """The block raises a PollError with this code and these words; the yielded one is filled with it."""
    caught = PollError(code, "")
    with pytest.raises(PollError) as error:
        yield caught
    assert (error.value.code, says in error.value.message) == (code, True), error.value
    caught.details = error.value.details


def labelled(poll: Poll, *labels: str) -> NewPoll:
    """The poll as it is, but with these labels."""
    options = [NewOption(label, id=option.id) for option, label in zip(poll.options, labels, strict=True)]
    return replace(as_new(poll), options=options)


async def test_a_typo_is_put_right_and_votes_stay(room: Newsroom) -> None:
    poll = await room.create(options=("Irna", "America"))
    await room.vote(poll, "a", "1")
    async with refused(Code.NEEDS_CONFIRMATION, "correction") as error:
        await room.editing.edit_poll(poll.id, labelled(poll, "Iran", "America"))
    assert error.details["changes"] == [
        {"what": "label", "old": "Irna", "new": "Iran", "option": 1, "lang": "en"}
    ]
    assert (await room.editing.poll(poll.id)) == poll
    edited = await room.editing.edit_poll(poll.id, labelled(poll, "Iran", "America"), correction=True)
    assert (edited.options[0].label, edited.revision) == ({"en": "Iran"}, 2)
    assert await room.counts(poll.id) == {1: 1, 2: 0}
    assert await room.history(poll.id) == [("published", None, None), ("label", "Irna", "Iran")]
    [entry] = await entries(room.connection, subject=f"poll:{poll.id}", limit=1)
    assert (entry.actor, entry.actor_name, entry.action, entry.at) == ("editor:abc", "anna", "poll.edit", NOW)
    assert json.loads(entry.before)["options"][0]["label"] == {"en": "Irna"}
    assert json.loads(entry.after)["options"][0]["label"] == {"en": "Iran"}


async def test_options_are_added_and_retired_but_never_deleted(room: Newsroom) -> None:
    poll = await room.create()
    await room.vote(poll, "a", "2")
    with_third = [*as_new(poll).options, NewOption("Neither")]
    more = await room.editing.edit_poll(poll.id, replace(as_new(poll), options=with_third))
    assert [option.id for option in more.options] == [1, 2, 3]
    without = [option for option in as_new(more).options if option.id != 2]  # type: ignore[union-attr]
    async with refused(Code.BAD_REQUEST, "retire it"):
        await room.editing.edit_poll(poll.id, replace(as_new(more), options=without))
    retired = [replace(option, retired=option.id == 2) for option in as_new(more).options]  # type: ignore[type-var,union-attr]
    less = await room.editing.edit_poll(poll.id, replace(as_new(more), options=retired))
    assert less.options[1].state is OptionState.RETIRED
    assert less.option_ids == {1, 3}
    assert await room.counts(poll.id) == {1: 0, 2: 1, 3: 0}
    assert await room.history(poll.id) == [
        ("published", None, None),
        ("option_added", None, "Neither"),
        ("option_retired", "America", "America"),
    ]
    back = await room.editing.edit_poll(poll.id, as_new(more))
    assert back.option_ids == {1, 2, 3}


async def test_a_draft_may_change_in_all_and_nobody_is_told(room: Newsroom) -> None:
    poll = await room.create(draft=True)
    new = NewPoll({"fr": "Qui ?"}, ["Un", "Deux", "Trois"], kind=Kind.MULTIPLE, lang="fr", draft=True)
    edited = await room.editing.edit_poll(poll.id, new)
    assert (edited.kind, edited.lang, len(edited.options)) == (Kind.MULTIPLE, "fr", 3)
    assert {option.id for option in edited.options}.isdisjoint({1, 2})  # an id is never used again
    assert await room.history(poll.id) == []
    opened = await room.editing.open_poll(poll.id)
    assert (opened.draft, opened.state(NOW), opened.opens_at) == (False, State.OPEN, NOW)
    assert await room.history(poll.id) == [("published", None, None)]
    async with refused(Code.NOT_POSSIBLE_NOW, "draft again"):
        await room.editing.edit_poll(poll.id, replace(as_new(opened), draft=True))


async def test_what_votes_mean_cannot_change_once_a_poll_has_opened(room: Newsroom) -> None:
    options = ("Iran", "America", "Neither")
    poll = await room.create(options=options, kind=Kind.MULTIPLE, max_picks=2, opens_at=NOW + 3600)
    as_it_is = as_new(poll)
    scheduled = await room.editing.edit_poll(poll.id, replace(as_it_is, max_picks=1))
    assert scheduled.max_picks == 1
    room.now += 3600
    for change in ({"kind": Kind.RANKED}, {"min_picks": 1, "max_picks": 1}, {"lang": "fr"}):
        new = replace(as_it_is, question={"en": "Who won?", "fr": "Qui ?"}, **change)
        new = replace(
            new,
            options=[
                NewOption({"en": text, "fr": text}, id=number) for number, text in enumerate(options, 1)
            ],
        )
        if change.get("max_picks") == 1:
            await room.editing.edit_poll(poll.id, replace(new, max_picks=3))
        async with refused(Code.NOT_POSSIBLE_NOW):
            await room.editing.edit_poll(poll.id, new)


async def test_a_change_of_meaning_is_a_new_version(room: Newsroom) -> None:
    poll = await room.create(articles=[ARTICLE, "https://news.example/other"])
    await room.placing.detach(poll.id, "https://news.example/other")
    await room.vote(poll, "a", "1")
    new = replace(as_new(poll), question="Who lost?")
    after = await room.editing.new_version(poll.id, new)
    assert (after.replaces, after.placements) == (poll.id, {ARTICLE: 1})
    assert await room.counts(after.id) == {1: 0, 2: 0}
    before = await room.editing.poll(poll.id)
    assert (before.replaced_by, before.state(room.now), before.placements) == (after.id, State.CLOSED, {})
    assert await room.counts(poll.id) == {1: 1, 2: 0}
    assert [place.poll for place in await room.placing.of_article(ARTICLE)] == [after.id]
    assert ("replaced_by", None, after.id) in await room.history(poll.id)
    async with refused(Code.NOT_POSSIBLE_NOW, "replaced"):
        await room.editing.new_version(poll.id, new)


async def test_of_two_editors_who_save_at_once_the_second_is_told(room: Newsroom) -> None:
    poll = await room.create()
    async with open_connection(room.url) as other:
        edits = [
            editor.edit_poll(
                poll.id, replace(as_new(poll), closes_at=NOW + 60 * number), revision=poll.revision
            )
            for number, editor in enumerate([room.editing, room.editor(other)], 1)
        ]
        first, second = await asyncio.gather(*edits, return_exceptions=True)
    lost, won = (first, second) if isinstance(first, PollError) else (second, first)
    assert isinstance(lost, PollError)
    assert isinstance(won, Poll)
    assert (lost.code, lost.details) == (Code.EDIT_CONFLICT, {"revision": 2})
    assert (await room.editing.poll(poll.id)).closes_at == won.closes_at


async def test_many_editors_at_once_leave_one_chain(room: Newsroom) -> None:
    poll = await room.create()

    async def work(number: int) -> None:
        async with open_connection(room.url) as connection:
            editor = room.editor(connection)
            for step in range(3):
                now = await editor.poll(poll.id)
                await editor.edit_poll(poll.id, replace(as_new(now), closes_at=NOW + 100 * number + step))

    await asyncio.gather(*(work(number) for number in range(1, 6)))
    assert (await room.editing.poll(poll.id)).revision == 16
    log = await entries(room.connection, limit=100)
    assert [entry.number for entry in log] == list(range(17, 0, -1))
    history = await history_of(room.connection, poll.id)
    assert [noted.number for noted in history] == list(range(1, len(history) + 1))


async def test_an_edit_that_changes_nothing_leaves_no_trace(room: Newsroom) -> None:
    poll = await room.create()
    assert await room.editing.edit_poll(poll.id, as_new(poll)) == poll
    assert len(await entries(room.connection)) == 2


async def test_a_log_that_was_altered_is_found(room: Newsroom) -> None:
    for _ in range(4):
        await room.create()
    await room.connection.rows("UPDATE audit_log SET actor_name = 'berta' WHERE number = 2")
    await room.connection.rows("DELETE FROM audit_log WHERE number IN (3, 4)")
    report = await audit(room.connection, KEYS)
    assert [difference["what"] for difference in report.differences] == [
        "entry 2 of the log, or the one before, was altered",
        "entries 3 to 4 of the log are missing",
        "entry 5 of the log, or the one before, was altered",
    ]
    assert report.log_entries == 3
    await room.connection.rows("DELETE FROM audit_log")


async def test_a_copy_and_the_archive(room: Newsroom) -> None:
    poll = await room.create(articles=[ARTICLE], closes_at=NOW + 60)
    copy = await room.editing.duplicate_poll(poll.id)
    assert (copy.question, copy.draft, copy.placements, copy.closes_at) == (poll.question, True, {}, None)
    assert copy.key != poll.key
    async with refused(Code.NOT_POSSIBLE_NOW, "close it first"):
        await room.editing.archive_poll(poll.id)
    await room.editing.close_poll(poll.id)
    archived = await room.editing.archive_poll(poll.id)
    assert archived.archived_at == NOW
    async with refused(Code.NOT_POSSIBLE_NOW, "archive"):
        await room.editing.open_poll(poll.id)
    assert (await room.editing.archive_poll(poll.id, archived=False)).archived_at is None


async def test_articles_in_order(room: Newsroom) -> None:
    first, second = [
        await room.create(articles=["http://www.news.example/story/?utm_source=x"]) for _ in "ab"
    ]
    assert [place.poll for place in await room.placing.of_article(ARTICLE)] == [first.id, second.id]
    await room.placing.reorder(ARTICLE, [second.id, first.id])
    assert [place.poll for place in await room.placing.of_article(ARTICLE)] == [second.id, first.id]
    async with refused(Code.BAD_REQUEST, "each poll"):
        await room.placing.reorder(ARTICLE, [second.id])
    await room.placing.detach(second.id, ARTICLE)
    async with refused(Code.BAD_REQUEST, "does not stand"):
        await room.placing.detach(second.id, ARTICLE)
    placed = await room.placing.attach(second.id, ARTICLE)
    assert (placed.article, placed.link) == (1, "http://www.news.example/story/")
    assert [place.poll for place in await room.placing.of_article(ARTICLE)] == [first.id, second.id]
    async with refused(Code.BAD_REQUEST, "no article URL"):
        await room.placing.attach(second.id, "news")


async def test_articles_are_attached_all_or_none(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    poll = await room.create(articles=[ARTICLE])
    monkeypatch.setattr(placing, "MAX_ARTICLES", 3)
    more = [f"{ARTICLE}-{number}" for number in range(3)]
    async with refused(Code.BAD_REQUEST, "at most 3"):
        await room.placing.attach_all(poll.id, more)
    assert [place.url for place in await room.placing.of_poll(poll.id)] == [ARTICLE]
    placed = await room.placing.attach_all(poll.id, [ARTICLE, *more[:2]])
    assert [(place.url, place.article) for place in placed] == [(ARTICLE, 1), (more[0], 2), (more[1], 3)]


async def test_a_poll_stays_one_that_can_be_answered(room: Newsroom) -> None:
    poll = await room.create(options="ABCDE", kind=Kind.MULTIPLE, min_picks=4)
    options = [NewOption(label, id=id_, retired=id_ > 2) for id_, label in enumerate("ABCDE", 1)]
    less = replace(as_new(poll), options=options)
    async with refused(Code.BAD_REQUEST, "must pick 4 at least"):
        await room.editing.edit_poll(poll.id, less)
    edited = await room.editing.edit_poll(poll.id, replace(less, min_picks=2))
    assert (len(edited.active_options), edited.min_picks, edited.max_picks) == (2, 2, 5)
    copy = await room.editing.duplicate_poll(poll.id)
    assert (len(copy.options), copy.min_picks, copy.max_picks) == (2, 2, 2)
    after = await room.editing.new_version(poll.id, as_new(edited))
    assert (len(after.options), after.max_picks) == (2, 2)


async def test_an_edit_opens_nothing_in_the_archive(room: Newsroom) -> None:
    poll, draft = await room.create(), await room.create(draft=True)
    await room.editing.close_poll(poll.id)
    for one, change in ((poll, {"closes_at": None}), (draft, {"draft": False})):
        archived = await room.editing.archive_poll(one.id)
        async with refused(Code.NOT_POSSIBLE_NOW, "archive"):
            await room.editing.edit_poll(one.id, replace(as_new(archived), **change))
    new = replace(as_new(await room.editing.poll(poll.id)), question="Who has won?")
    assert (await room.editing.edit_poll(poll.id, new, correction=True)).archived_at == NOW


async def test_a_poll_that_closes_as_it_opens_keeps_its_opening(room: Newsroom) -> None:
    poll = await room.create()
    closed = await room.editing.close_poll(poll.id)
    assert (closed.opens_at, closed.closes_at, closed.state(NOW)) == (NOW, NOW, State.CLOSED)
    assert [what for what, _, _ in await room.history(poll.id)] == ["published", "closes_at"]
    await room.editing.edit_poll(poll.id, replace(as_new(closed), allow_change=True))


async def test_a_draft_is_published_once_it_is_translated(room: Newsroom) -> None:
    draft = await room.create({"en": "Who?", "ar": "من؟"}, draft=True)
    for publish in (room.editing.publish_poll, room.editing.open_poll):
        async with refused(Code.BAD_REQUEST, "no label in ar"):
            await publish(draft.id)


async def written_in(room: Newsroom, number: int, **label: str) -> Poll:
    """A poll in which so many answers of readers wait."""
    poll = await room.create(write_in=True)
    waiting = [
        Option(id_, label or {"en": f"Text {id_}"}, OptionState.PENDING, write_in=f"text {id_}")
        for id_ in range(3, 3 + number)
    ]
    async with editing(room.connection):
        before = await load_poll(room.connection, poll.id)
        assert before is not None
        await update_poll(room.connection, before, replace(before, options=(*before.options, *waiting)))
    return poll


async def test_a_decision_writes_and_logs_one_option(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    poll = await written_in(room, 300)
    statements = []

    def counted(run: Any) -> Any:
        def count(self: Connection, statement: object, **values: object) -> Any:
            statements.append(statement)
            return run(self, statement, **values)

        return count

    for name in ("rows", "execute"):
        monkeypatch.setattr(Connection, name, counted(getattr(Connection, name)))
    after = await Reviewing(room.editing).reject(poll.id, 9)
    monkeypatch.undo()
    assert len(statements) < 20
    assert await room.editing.poll(poll.id) == after
    assert [option.id for option in after.options if option.state is OptionState.REJECTED] == [9]
    [entry] = await entries(room.connection, subject=f"poll:{poll.id}", limit=1)
    for text, state in ((entry.before, "pending"), (entry.after, "rejected")):
        logged = json.loads(text)
        assert [(option["id"], option["state"]) for option in logged["options"]] == [(9, state)]
        assert "order_of_options" not in logged
    two_one = replace(as_new(after), options=as_new(after).options[::-1])
    await room.editing.edit_poll(poll.id, two_one)
    [entry] = await entries(room.connection, subject=f"poll:{poll.id}", limit=1)
    assert {name: value for name, value in json.loads(entry.after).items() if name != "revision"} == {
        "order_of_options": [2, 1]
    }


async def test_an_answer_in_another_language_can_be_approved(room: Newsroom) -> None:
    poll = await written_in(room, 2, fr="Personne")
    approved = await Reviewing(room.editing).approve(poll.id, 3)
    assert approved.options[2].label == {"en": "Personne"}
    async with refused(Code.BAD_REQUEST, "already"):
        await Reviewing(room.editing).approve(poll.id, 4, "PERSONNE")


async def test_what_cannot_be_in_the_database_is_bad_input(room: Newsroom) -> None:
    async with refused(Code.BAD_REQUEST, "no image"):
        await room.create(options=[NewOption("A", image="a\0b", alt="A"), "B"])
    for search in (Finding(room.connection, lambda: NOW).polls, Articles(room.connection).find):
        await search(text="%" * MAX_TEXT)
        async with refused(Code.BAD_REQUEST, "at most 200"):
            await search(text="%" * (MAX_TEXT + 1))


async def test_a_site_is_known_by_its_id_first(room: Newsroom) -> None:
    sites = Sites(room.connection, lambda: NOW)
    news = await sites.get("News")
    await sites.add(news.id, ["https://other.example"], locale="PT-br")
    assert await sites.get(news.id) == news
    assert {site.locale for site in await sites.all()} == {"en", "pt-BR"}


async def test_a_poll_that_has_opened_stays_opened_and_one_replaced_closed(room: Newsroom) -> None:
    poll = await room.create()
    later = replace(as_new(poll), opens_at=NOW + 86_400)
    with pytest.raises(PollError, match="cannot open later") as error:  # and then mean something else
        await room.editing.edit_poll(poll.id, later)
    assert error.value.code is Code.NOT_POSSIBLE_NOW
    room.now += 60
    await room.editing.new_version(poll.id, as_new(poll))
    with pytest.raises(PollError, match="taken this poll's place"):
        await room.editing.open_poll(poll.id)
    with pytest.raises(PollError, match="taken this poll's place"):
        await room.editing.edit_poll(poll.id, replace(as_new(poll), closes_at=None))


async def test_a_new_version_stands_where_the_old_one_stood(room: Newsroom) -> None:
    first, second = await room.create(articles=[ARTICLE]), await room.create(articles=[ARTICLE])
    new = await room.editing.new_version(first.id, as_new(first))
    assert [place.poll for place in await room.placing.of_article(ARTICLE)] == [new.id, second.id]


async def test_a_new_version_is_no_draft(room: Newsroom) -> None:
    first = await room.create()
    with pytest.raises(PollError, match="without draft"):
        await room.editing.new_version(first.id, replace(as_new(first), draft=True))
    assert (await room.editing.poll(first.id)).replaced_by is None


async def test_a_poll_that_is_coming_in_is_left_alone(room: Newsroom) -> None:
    poll = replace(await room.create(draft=True), id="coming", draft=True, archived_at=NOW)
    await begin(room.connection, poll, NOW)
    for change in (room.editing.archive_poll("coming", archived=False), room.editing.open_poll("coming")):
        with pytest.raises(PollError, match="being imported"):
            await change


async def test_polls_are_found_by_words_and_by_any_spelling_of_an_article(room: Newsroom) -> None:
    poll = await room.create("Who won the war?", articles=["http://news.example/story"])
    finding = Finding(room.connection, lambda: room.now)
    for text in ("war WHO", "https://www.news.example/story/?utm_source=x#top", "news.example/sto", poll.id):
        found, _ = await finding.polls(text=text)
        assert [one.id for one in found] == [poll.id], text
    assert (await finding.polls(text="who lost"))[0] == []
    assert [
        place.link for place in await room.placing.attach_all(poll.id, ["news.example/b", "a.example:8000"])
    ] == [
        "https://news.example/b",
        "https://a.example:8000",
    ]


async def test_history_stands_as_it_was_told(room: Newsroom) -> None:
    poll = await room.create(options=("Iran", "America", "Both"))
    new = as_new(poll)
    moved = replace(new, options=[new.options[1], new.options[0], new.options[2]])
    await room.editing.edit_poll(poll.id, moved)
    labels = [NewOption("Persia", 1), NewOption("America", 2), NewOption("Both", 3)]
    await room.editing.edit_poll(poll.id, replace(new, options=labels), correction=True)
    assert ("order", "Iran · America · Both", "America · Iran · Both") in await room.history(poll.id)
