"""Answers in readers' own words under races, at their limits, and as editors decide about them."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from pollsvc.domain.poll import Option, OptionState, Poll
from pollsvc.services.editing.new_poll import as_new
from pollsvc.storage.log import editing
from pollsvc.storage.polls import Search, load_poll, search_polls, update_poll
from tests.support.reader import Answer, Http, ask, fire, new_key, vote_bytes
from tests.support.server import Service, open_connection, run_service, until
from tests.support.write_ins import counts_become, decide, write, written

PENDING, MERGED, REJECTED = OptionState.PENDING, OptionState.MERGED, OptionState.REJECTED


async def test_twenty_at_once_with_one_new_text_make_one_option(two_workers: Service) -> None:
    poll = await two_workers.add_poll(write_in=True)
    votes = [
        vote_bytes(poll, {"selection": [text], "idempotency_key": new_key()})
        for text in ("Nobody", "nobody", " NOBODY", "Nobody ") * 5
    ]
    answers = await fire(two_workers.base_url, ask, votes, connections=20)
    assert [answer.status for answer in answers] == [201] * 20
    assert {tuple(answer.json["selection"]) for answer in answers} == {(4,)}
    assert len(await written(two_workers, poll)) == 1
    async with Http(two_workers.base_url) as http:
        await counts_become(http, poll, [0, 0, 0], 20)
    await two_workers.assert_clean(poll)


async def test_many_at_once_with_different_texts(two_workers: Service) -> None:
    """Each has an option of its own, whichever process makes it; votes and edits go on meanwhile."""
    poll = await two_workers.add_poll(write_in=True)
    picks = [*(f"Text {number}" for number in range(40)), *[1] * 200]
    votes = [vote_bytes(poll, {"selection": [pick], "idempotency_key": new_key()}) for pick in picks]

    async def edit() -> None:
        for number in range(5):
            async with two_workers.editor() as editor:
                new = replace(as_new(await editor.poll(poll)), question=f"Who won {number}?")
                await editor.edit_poll(poll, new, correction=True)

    answers, _ = await asyncio.gather(fire(two_workers.base_url, ask, votes, connections=40), edit())
    assert {answer.status for answer in answers} == {201}
    texts = await written(two_workers, poll)
    assert sorted(option.id for option in texts) == list(range(4, 44))
    assert len({option.write_in for option in texts}) == 40
    async with Http(two_workers.base_url) as http:
        await counts_become(http, poll, [200, 0, 0], 40)
    await two_workers.assert_clean(poll)


async def test_what_editors_decide_moves_the_counts(shared: Service, http: Http) -> None:
    """No ballot changes: approval gives a text its own line, a merger adds it to another's."""
    poll = await shared.add_poll(write_in=True)
    for text in ("The people", "Persia", "Persia", "rude"):
        assert (await write(http, poll, text)).status == 201
    people, persia, rude = (option.id for option in await written(shared, poll))
    await counts_become(http, poll, [0, 0, 0], 4)
    await decide(shared, poll, people, state=OptionState.ACTIVE)
    await counts_become(http, poll, [0, 0, 0, 1], 3)
    await decide(shared, poll, persia, state=MERGED, merged_into=1)
    await decide(shared, poll, rude, state=REJECTED)
    await counts_become(http, poll, [2, 0, 0, 1], 1)
    for text, option in (("persia", persia), ("RUDE", rude), ("the people", people)):
        assert (await write(http, poll, text)).json["selection"] == [option]
    await counts_become(http, poll, [3, 0, 0, 2], 2)
    await decide(shared, poll, persia, state=PENDING, merged_into=None)
    await counts_become(http, poll, [0, 0, 0, 2], 5)
    assert len(await written(shared, poll)) == 3
    await shared.assert_clean(poll)


async def test_an_approved_text_keeps_its_option_under_another_label(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(write_in=True)
    await write(http, poll, "teh people")
    await decide(shared, poll, 4, state=OptionState.ACTIVE, label={"en": "The people"})
    await counts_become(http, poll, [0, 0, 0, 1])
    for text in ("Teh people", "The people"):
        assert (await write(http, poll, text)).json["selection"] == [4]
    assert len(await written(shared, poll)) == 1


async def test_a_merged_text_beside_its_option_counts_once(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(kind="multiple", write_in=True)
    ranked = await shared.add_poll(kind="ranked", write_in=True)
    for id_ in (poll, ranked):
        await write(http, id_, "Persia", 1, 2)
        await decide(shared, id_, 4, state=MERGED, merged_into=1)
    await counts_become(http, poll, [1, 1, 0])
    await counts_become(http, ranked, [1, 0, 0])
    results = await http.results(poll)
    assert (results["voters"], results["picks"]) == (1, 2)
    await shared.assert_clean(poll)


async def test_texts_leave_no_trace_in_log_and_history(shared: Service, http: Http) -> None:
    """A reader wrote them; and an editor who is at work keeps their revision."""
    poll = await shared.add_poll(write_in=True)
    async with shared.editor() as editor:
        before = await editor.poll(poll)
        await write(http, poll, "Secret words")
        new = replace(as_new(before), question="Who has won?")
        after = await editor.edit_poll(poll, new, revision=before.revision, correction=True)
    assert len(after.options) == 4
    assert b"Secret" not in (await http.get(f"/api/v1/polls/{poll}/history")).body
    assert b"Secret" not in (await http.get(f"/p/{poll}")).body
    async with open_connection(shared.database_url) as connection:
        rows = await connection.rows(
            "SELECT action FROM audit_log WHERE subject = :subject ORDER BY number", subject=f"poll:{poll}"
        )
    assert [row[0] for row in rows] == ["poll.create", "poll.edit"]


async def test_editors_find_a_poll_by_a_text_in_it(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(write_in=True)
    await write(http, poll, "Quetzalcoatl")
    async with open_connection(shared.database_url) as connection:
        for text in ("quetzalcoatl", "who won?", "neither"):
            found = await search_polls(connection, Search(time.time(), text=text, limit=500))
            assert poll in {one.id for one in found}


async def full(service: Service, texts: int = 500) -> Poll:
    """A poll in which so many texts wait; 500 are as many as can."""
    poll = await service.add_poll(write_in=True)
    async with open_connection(service.database_url) as connection, editing(connection):
        before = await load_poll(connection, poll)
        assert before is not None
        written = [Option(n, {"en": f"Text {n}"}, PENDING, write_in=f"text {n}") for n in range(4, 4 + texts)]
        after = replace(before, options=(*before.options, *written))
        await update_poll(connection, before, after)
    return after


async def test_when_too_many_texts_wait_only_new_ones_are_refused(shared: Service, http: Http) -> None:
    poll = await full(shared)
    answer = await write(http, poll.id, "One more")
    assert (answer.status, answer.code, answer.json["reason"]) == (422, "invalid_selection", "full")
    assert (await write(http, poll.id, "text 77")).json["selection"] == [77]
    assert (await write(http, poll.id, 2)).status == 201
    await decide(shared, poll.id, 4, state=REJECTED)

    async def room() -> bool:
        return (await write(http, poll.id, "One more")).status == 201

    await until(room)
    assert len(await written(shared, poll.id)) == 501
    await shared.assert_clean(poll.id)


async def test_many_at_once_do_not_go_beyond_the_limit(two_workers: Service) -> None:
    poll = (await full(two_workers, 495)).id
    votes = [
        vote_bytes(poll, {"selection": [f"New {number}"], "idempotency_key": new_key()})
        for number in range(20)
    ]
    answers = await fire(two_workers.base_url, ask, votes, connections=20)
    assert sorted(answer.status for answer in answers) == [201] * 5 + [422] * 15
    assert len(await written(two_workers, poll)) == 500
    await two_workers.assert_clean(poll)


async def test_one_network_brings_new_texts_at_a_pace(tmp_path: Path) -> None:
    """Five at once, then one a minute; texts that are known, options, and other networks go on."""
    env = {"POLLSVC_ADMISSION": "standard", "POLLSVC_TRUSTED_PROXIES": "127.0.0.0/8"}
    async with run_service(tmp_path, env=env, site=True) as service, Http(service.base_url) as http:
        poll = await service.add_poll(write_in=True)

        async def from_(address: str, text: object) -> Answer:
            return await http.post_vote(poll, {"selection": [text]}, X_Forwarded_For=address)

        for number in range(5):
            assert (await from_("192.0.2.1", f"Text {number}")).status == 201
        refused = await from_("192.0.2.1", "Text 5")
        assert (refused.status, refused.code) == (429, "slow_down")
        assert 50 <= int(refused.headers["retry-after"]) <= 61
        for text in ("text 0", "Text 4", "Iran", 2):
            assert (await from_("192.0.2.1", text)).status == 201
        assert (await from_("192.0.2.2", "Text 5")).status == 201
        assert (await from_("192.0.2.1", "Text 5")).status == 201
        assert len(await written(service, poll)) == 6
        await service.assert_clean(poll)
