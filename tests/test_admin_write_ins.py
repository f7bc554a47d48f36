"""What readers wrote, approved, merged and rejected by editors."""

import re

from pollsvc.domain.poll import OptionState
from tests.support.desk import Desk, place_of, text_of
from tests.support.reader import Answer, Http, new_key

pytest_plugins = ("tests.support.admin_fixtures",)


async def test_write_ins_are_approved_merged_rejected_and_taken_back(desk: Desk, http: Http) -> None:
    poll = await desk.add("What next?", ["Sport", "Politics"], write_in=True)
    path = f"/admin/polls/{poll}/write-ins"
    for text in ("Wether", "wether", "Science", "scince", "spam"):
        vote = await http.post_vote(poll, {"selection": [text], "idempotency_key": new_key()})
        assert vote.status == 201
    page = await desk.page(path)
    assert re.findall(r"<h3><bdi[^>]*>([^<]+)</bdi></h3><p><strong class=\"num\">(\d)", page) == [
        ("Wether", "2"),
        ("Science", "1"),
        ("scince", "1"),
        ("spam", "1"),
    ]

    async def decide(do: str, option: int, **more: str) -> Answer:
        return await desk.http.send(path, {"do": do, "option": str(option), **more})

    assert place_of(await decide("approve", 3, label=" Weather ")) == f"{path}?done=write_in_approved"
    await decide("approve", 4, label="Science")
    assert place_of(await decide("merge", 5, into="4")) == f"{path}?done=write_in_merged"
    assert place_of(await decide("reject", 6)) == f"{path}?done=write_in_rejected"
    after = await desk.poll(poll)
    assert [(option.state, option.label["en"]) for option in after.options[2:]] == [
        (OptionState.ACTIVE, "Weather"),
        (OptionState.ACTIVE, "Science"),
        (OptionState.MERGED, "scince"),
        (OptionState.REJECTED, "spam"),
    ]
    assert "counts for Science" in text_of(await desk.page(path))
    await decide("merge", 6, into="1")
    assert (await desk.poll(poll)).options[5].merged_into == 1
    await decide("reject", 5)
    for wrong, field, said in (
        (await decide("merge", 5, into=""), ["into-5"], "Choose the option that it is the same as."),
        (await decide("approve", 5, label="Science"), ["label-5"], "merge the answer into it"),
        (await decide("approve", 3), [], "somebody has approved it meanwhile"),
        (await decide("nonsense", 5), [], "Approve the answer, merge or reject it."),
    ):
        page = wrong.body.decode()
        assert (wrong.status in (400, 409), said in text_of(page)) == (True, True), page
        assert re.findall(r'<li><a href="#([^"]+)"', page) == field
        assert all(f'id="{name}"' in page for name in field)
