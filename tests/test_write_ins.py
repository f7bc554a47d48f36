"""Answers in readers' own words: one option for each text, which waits until an editor decides about it."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

import pytest

from pollsvc.domain.poll import Option, OptionState
from pollsvc.services.editing.new_poll import NewOption, as_new
from tests.support.reader import Http, Reader, new_key, vote_bytes
from tests.support.server import Service, until
from tests.support.write_ins import counts_become, write, written
from tests.test_several_processes import wire_to_each


async def test_a_new_text_counts_as_another_answer(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(write_in=True)
    answer = await write(http, poll, "  Nobody at   all ")
    assert (answer.status, answer.json["selection"]) == (201, [4])
    assert answer.json["results"]["voters"] == 1
    assert answer.json["results"]["other"] == 1
    assert [ballot.selection for ballot in await shared.ballots(poll)] == ["4"]
    assert await written(shared, poll) == [
        Option(4, {"en": "Nobody at all"}, OptionState.PENDING, write_in="nobody at all")
    ]
    seen = await http.get(f"/api/v1/polls/{poll}")
    assert [option["id"] for option in seen.json["options"]] == [1, 2, 3]
    assert b"Nobody" not in seen.body
    await shared.assert_clean(poll)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("Nobody", " NOBODY "),
        ("Straße", "STRASSE"),
        ("ﬁne", "fine"),
        ("لا أحد", "لا  أحد"),
        ("Café", "Cafe\u0301"),
        ("نمی‌دانم", "نمی‌دانم"),
    ],
)
async def test_spellings_of_one_text_are_one_answer(
    shared: Service, http: Http, first: str, again: str
) -> None:
    poll = await shared.add_poll(write_in=True)
    assert (await write(http, poll, first)).json["selection"] == [4]
    assert (await write(http, poll, again)).json["selection"] == [4]
    assert [option.label for option in await written(shared, poll)] == [{"en": first}]
    assert (await http.results(poll))["other"] == 2


@pytest.mark.parametrize("text", ["Iran", "IRAN", " iran ", "إيران"])
async def test_the_label_of_an_option_in_any_language_is_that_option(
    shared: Service, http: Http, text: str
) -> None:
    options = [NewOption({"en": "Iran", "ar": "إيران"}), NewOption({"en": "Neither", "ar": "لا أحد"})]
    poll = await shared.add_poll({"en": "Who?", "ar": "من؟"}, options, lang="en", write_in=True)
    assert (await write(http, poll, text)).json["selection"] == [1]
    assert await http.counts(poll) == [1, 0]
    assert await written(shared, poll) == []


async def test_the_label_of_a_retired_option_is_no_answer(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(write_in=True)
    async with shared.editor() as editor:
        new = as_new(await editor.poll(poll))
        retiring = NewOption("Iran", id=1, retired=True)
        await editor.edit_poll(poll, replace(new, options=[retiring, *new.options[1:]]))

    async def retired() -> bool:
        return len((await http.get(f"/api/v1/polls/{poll}")).json["retired"]) == 1

    await until(retired)
    answer = await write(http, poll, "iran")
    assert (answer.code, answer.json["reason"]) == ("invalid_selection", "retired")
    assert await written(shared, poll) == []


async def test_the_answer_that_was_lost_is_given_again(shared: Service, http: Http) -> None:
    poll, key = await shared.add_poll(write_in=True), new_key()
    first = await write(http, poll, "Nobody", key=key)
    for text in ("Nobody", "nobody ", 4):
        again = await write(http, poll, text, key=key)
        assert (again.status, again.receipt) == (200, first.receipt)
    async with shared.editor() as editor:
        await editor.close_poll(poll)

    async def closed() -> bool:
        return bool((await http.get(f"/api/v1/polls/{poll}")).json["state"] == "closed")

    await until(closed)
    late = await write(http, poll, "Nobody", key=key)
    assert (late.status, late.receipt) == (200, first.receipt)


async def test_the_other_process_knows_the_text_at_once(two_workers: Service) -> None:
    """Also before it has heard of the new option: the retry of a lost answer may go there."""
    with ExitStack() as stack:
        one, other = (await wire_to_each(two_workers, stack)).values()
        for _ in range(10):
            poll, key = await two_workers.add_poll(write_in=True), new_key()
            for wire in (one, other):  # both have the poll without the text
                await wire.ask(f"GET /api/v1/polls/{poll} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
            vote = vote_bytes(poll, {"selection": ["Nobody"], "idempotency_key": key})
            first, again = await one.ask(vote), await other.ask(vote)
            assert (first.status, again.status) == (201, 200)
            assert again.receipt == first.receipt
    await two_workers.assert_clean()


@pytest.mark.parametrize(
    ("kind", "selection", "recorded"),
    [
        ("multiple", [3, "Egypt", 1], "1,3,4"),
        ("multiple", ["Egypt"], "4"),
        ("ranked", [2, "Egypt", 1], "2>4>1"),
        ("ranked", ["Egypt", 3], "4>3"),
        ("ranked", ["iran", 3], "1>3"),
    ],
)
async def test_a_text_stands_among_options(
    shared: Service, http: Http, kind: str, selection: Sequence[object], recorded: str
) -> None:
    poll = await shared.add_poll(kind=kind, write_in=True)
    assert (await write(http, poll, *selection)).status == 201
    assert [ballot.selection for ballot in await shared.ballots(poll)] == [recorded]
    await shared.assert_clean(poll)


@pytest.mark.parametrize(
    "selection",
    [
        ["a", "b"],
        ["a", "a"],
        [1, "iran"],
        [9, "a"],
        [5, "a"],
        [1, 1, "a"],
        [1, 2, 3, "a"],
        [True, "a"],
        [None, "a"],
        [["a"]],
        "a",
        [""],
        ["   "],
        ["x" * 101],
        ["\0"],
        ["a\nb"],
        ["a\tb"],
        ["a\u2028b"],
        ["\u200b\u200e"],
        ["\u0085"],
        ["ﷺ" * 100],
    ],
    ids=lambda selection: ascii(selection)[:20],
)
async def test_what_is_no_answer_makes_no_option(shared: Service, http: Http, selection: object) -> None:
    poll = await shared.add_poll(kind="multiple", max_picks=3, write_in=True)
    answer = await http.post_vote(poll, {"selection": selection})
    assert (answer.status, answer.code) == (422, "invalid_selection")
    assert await written(shared, poll) == []
    assert await shared.ballots(poll) == []


async def test_a_hundred_characters_are_an_answer(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(write_in=True)
    for text in ("x" * 100, "👍🏽" * 50, "ﷺ" * 20, "<script>alert(1)</script>", "%s {0} \\u0000"):
        assert (await write(http, poll, text)).status == 201
    assert len(await written(shared, poll)) == 5
    await shared.assert_clean(poll)


@pytest.mark.parametrize("kind", ["single", "multiple", "ranked"])
async def test_other_polls_take_no_text(shared: Service, http: Http, kind: str) -> None:
    poll = await shared.add_poll(kind=kind)
    for text in ("Nobody", "Iran"):
        answer = await write(http, poll, text)
        assert (answer.status, answer.code) == (422, "invalid_selection")
    assert await shared.ballots(poll) == []


async def test_only_votes_that_can_be_recorded_make_options(shared: Service, http: Http) -> None:
    now, reader = int(time.time()), Reader(http)
    poll = await shared.add_poll(write_in=True)
    early = await shared.add_poll(write_in=True, opens_at=now + 999)
    late = await shared.add_poll(write_in=True, closes_at=now - 999)
    await reader.vote(poll, 1)
    again = await http.post_vote(poll, {"selection": ["Nobody"], "reader": reader.token})
    assert (again.status, again.code) == (409, "already_voted")
    assert again.json["selection"] == [1]
    forged = await http.post_vote(poll, {"selection": ["Nobody"], "reader": f"{reader.token}x"})
    assert forged.code == "bad_reader_token"
    for other in (early, late):
        assert (await write(http, other, "Nobody")).code == "poll_not_open"
    for id_ in (poll, early, late):
        assert await written(shared, id_) == []


async def test_a_vote_can_change_to_a_text_where_votes_can_change(shared: Service, http: Http) -> None:
    poll, key = await shared.add_poll(write_in=True, allow_change=True), new_key()
    for selection, counts, other in ((["Nobody"], [0, 0, 0], 1), ([2], [0, 1, 0], 0), (["Us"], [0, 0, 0], 1)):
        assert (await write(http, poll, *selection, key=key)).status in (200, 201)
        await counts_become(http, poll, counts, other)
    await write(http, poll, key=key)
    await counts_become(http, poll, [0, 0, 0])
    assert len(await shared.ballots(poll)) == 1
    await shared.assert_clean(poll)
