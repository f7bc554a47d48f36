"""Two editors who change a poll at once: nothing of either is lost, and nothing is overwritten unseen."""

import asyncio
import re

from pollsvc.domain.editor import Role
from tests.support.desk import Desk, text_of
from tests.support.editors import signed_in
from tests.support.forms import filled, form_in

pytest_plugins = ("tests.support.admin_fixtures",)


async def test_two_editors_at_once_lose_nothing(desk: Desk) -> None:
    poll = await desk.add("Who won?", ["Iran", "America"], draft=True)
    path = f"/admin/polls/{poll}/edit"
    yours = await desk.form(path)
    async with signed_in(desk.service.base_url, desk.service.database_url, Role.EDITOR) as other:
        theirs = filled(yours, question__0="Who has won?", label__1__0="Persia", allow_change="1")
        assert (await other.send(path, [*theirs, ("do", "draft")])).status == 303
    mine = filled(yours, question__0="Who lost?", label__2__0="The US")
    answer = await desk.http.send(path, [*mine, ("do", "draft")])
    assert answer.status == 412
    shown = text_of(answer)
    assert "Question Who won? Who has won? Who lost? yours" in shown
    assert "Option 1 Iran Persia left alone theirs" in shown
    assert "Readers may change their vote no yes left alone theirs" in shown
    assert re.search(r"editor-\w+ , \d+ \w+ 20\d\d", shown)
    merged = form_in(answer.body.decode(), id_="poll-form")
    assert set(merged) >= {
        ("question:0", "Who lost?"),
        ("label:1:0", "Persia"),
        ("label:2:0", "The US"),
        ("allow_change", "1"),
        ("revision", "2"),
    }
    assert (await desk.poll(poll)).question == {"en": "Who has won?"}
    assert (await desk.http.send(path, [*merged, ("do", "draft")])).status == 303
    saved = await desk.poll(poll)
    assert (saved.question, saved.allow_change, saved.revision) == ({"en": "Who lost?"}, True, 3)
    assert [option.label["en"] for option in saved.options] == ["Persia", "The US"]


async def test_a_button_inside_a_form_does_not_hide_that_it_is_old(desk: Desk) -> None:
    poll = await desk.add(draft=True)
    path = f"/admin/polls/{poll}/edit"
    yours = await desk.form(path)
    await desk.http.send(path, [*filled(yours, question__0="Who has won?"), ("do", "draft")])
    moved = await desk.http.send(path, [*yours, ("do", "up:2")])
    still = form_in(moved.body.decode(), id_="poll-form")
    assert ("revision", "1") in still
    assert (await desk.http.send(path, [*still, ("do", "draft")])).status == 412
    wrong = filled(still, closes_at="x")
    assert (await desk.http.send(path, [*wrong, ("do", "draft")])).status == 412  # that comes first


async def test_of_two_who_save_at_the_same_time_one_is_asked(desk: Desk) -> None:
    poll = await desk.add(draft=True)
    path = f"/admin/polls/{poll}/edit"
    form = await desk.form(path)
    answers = await asyncio.gather(
        *(desk.http.send(path, [*filled(form, question__0=f"Who {n}?"), ("do", "draft")]) for n in range(5))
    )
    assert sorted(answer.status for answer in answers) == [303, 412, 412, 412, 412]
