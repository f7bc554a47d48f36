"""The editors' page of a poll's ballots: where they came from, and what is to become of them."""

import re
import time

import pytest

from tests.support.desk import Desk, place_of, text_of
from tests.support.reader import Http, Reader

pytest_plugins = ("tests.support.admin_fixtures",)


async def test_a_group_of_ballots_is_excluded_and_released(desk: Desk, http: Http) -> None:
    poll = await desk.add("Who won?", ["Iran", "America"])
    for _ in range(3):
        await Reader(http).vote(poll, 1)
    path = f"/admin/polls/{poll}/ballots"

    async def judge(do: str) -> None:
        page = await desk.page(path)
        fields = dict(
            re.findall(r'<input type="hidden" name="(network|hour|status|reason)" value="([^"]*)"', page)
        )
        assert place_of(await desk.http.send(path, {**fields, "do": do})) == f"{path}?done=ballots_judged"

    assert "100%" in text_of(await desk.page(path))
    await judge("exclude-automated")
    page = text_of(await desk.page(path))
    assert ("Excluded" in page, "automated votes" in page) == (True, True)
    deed = text_of(await desk.page(f"/admin/polls/{poll}/history"))
    assert all(word in deed for word in ("excluded ballots", "They are to excluded", "automated votes")), deed
    assert time.strftime("%Y, %H:00", time.gmtime()) in deed, "the group's hour, and not a number of minutes"
    await judge("release")
    assert "Counted" in text_of(await desk.page(path))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"do": "hold"},
        {"do": "hold", "hour": "x"},
        {"do": "hold", "hour": "1", "status": "lost"},
        {"do": "hold", "hour": "1", "network": "%%"},
        {"do": "delete", "hour": "1"},
    ],
)
async def test_what_is_not_clear_changes_nothing(desk: Desk, fields: dict[str, str]) -> None:
    poll = await desk.add("Who won?", ["Iran", "America"])
    answer = await desk.http.send(f"/admin/polls/{poll}/ballots", fields)
    assert answer.status == 400
    assert "Nothing was changed" in answer.body.decode()
