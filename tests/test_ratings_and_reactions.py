"""Ratings, reactions, pictures, shuffled answers and those of one's own: the form and the result of each."""

import io
import re
from collections.abc import Sequence
from hashlib import sha256

import pytest
from PIL import Image as Picture

from pollsvc.services.editing.new_poll import NewOption
from pollsvc.storage.images import Image, insert_image
from tests.support.reader import Http, Reader
from tests.support.server import Service, open_connection
from tests.support.write_ins import write
from tests.test_public_page import Page, send, show

FACES = [NewOption(emoji=emoji) for emoji in ("😀", "😢", "😡")]


async def add_image(service: Service, width: int = 64, height: int = 48) -> str:
    """An image as it is kept; returns its id."""
    file = io.BytesIO()
    Picture.new("RGB", (width, height), "teal").save(file, "PNG")
    content = file.getvalue()
    id_ = sha256(content).hexdigest()[:20]
    async with open_connection(service.database_url) as connection:
        await insert_image(connection, Image(id_, "image/png", content, width, height), 0)
    return id_


@pytest.mark.parametrize("scale", [5, 10])
async def test_a_rating_takes_a_number_of_its_scale(shared: Service, http: Http, scale: int) -> None:
    poll = await shared.add_poll(options=[], kind="rating", scale=scale)
    assert [one["id"] for one in (await http.results(poll))["options"]] == list(range(1, scale + 1))
    for selection in ([0], [scale + 1], [1, 2], [], ["3"], [2.5]):
        assert (await http.post_vote(poll, {"selection": selection})).code == "invalid_selection"
    assert (await http.results(poll))["mean"] is None
    for pick in (1, scale, scale):
        assert (await Reader(http).vote(poll, pick)).status == 201
    assert (await http.results(poll))["mean"] == round((1 + 2 * scale) / 3, 2)
    await shared.assert_clean(poll)


async def test_rating_by_the_form(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(options=[], kind="rating")
    page = await show(http, poll)
    assert [radio["value"] for radio in page.all("input", type="radio")] == ["1", "2", "3", "4", "5"]
    assert re.search(r"1\s*Lowest.*5\s*Highest", page.text, re.DOTALL)
    for pick in (4, 4, 5, 4):
        await Reader(http).vote(poll, pick)
    voted = Page(await send(http, poll, {"idempotency_key": page.key, "selection": "4"}))
    assert "4.2 of 5 on average" in voted.text
    assert re.search(r"4\s+✓ Your vote\s+4 votes", voted.text)
    assert not voted.all("form")


async def test_the_mean_is_hidden_with_the_results(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(options=[], kind="rating", visibility="after_vote")
    await Reader(http).vote(poll, 5)
    page = await show(http, poll)
    assert "average" not in page.text
    voted = Page(await send(http, poll, {"idempotency_key": page.key, "selection": "5"}))
    assert "5.0 of 5 on average" in voted.text


async def test_reactions_are_emoji_with_names(shared: Service, http: Http) -> None:
    poll = await shared.add_poll("How do you feel?", FACES, kind="reaction")
    seen = (await http.get(f"/api/v1/polls/{poll}")).json
    assert seen["options"][0] == {"id": 1, "label": "grinning face", "emoji": "😀"}
    page = await show(http, poll)
    assert page.text.count("😀") == 2  # in the form and in the result so far
    assert all(span["aria-hidden"] == "true" for span in page.all("span", **{"class": "emoji"}))
    assert "grinning face" in page.text
    answer = await send(http, poll, {"idempotency_key": page.key, "selection": "2"})
    assert answer.status == 200
    assert await http.counts(poll) == [0, 1, 0]
    for selection in ([1, 2], ["😀"], [4]):
        assert (await write(http, poll, *selection)).code == "invalid_selection"


async def test_images_are_served_for_ever(shared: Service, http: Http) -> None:
    image = await add_image(shared)
    answer = await http.get(f"/i/{image}")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert Picture.open(io.BytesIO(answer.body)).size == (64, 48)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert (await http.get(f"/i/{image}", If_None_Match=answer.headers["etag"])).status == 304
    assert (await http.get(f"/i/{image}")).body == answer.body
    for unknown in ("nothing", "x" * 40, "..%2f..", "%00", image.upper()):
        assert (await http.get(f"/i/{unknown}")).code == "not_found"


async def test_pictures_in_form_and_result(shared: Service, http: Http) -> None:
    images = [await add_image(shared, *size) for size in ((640, 480), (300, 500))]
    options = [NewOption(f"Photo {n}", image=image, alt=f'A "<b>" {n}') for n, image in enumerate(images, 1)]
    poll = await shared.add_poll("Which one?", options, visibility="after_vote")
    page = await show(http, poll)
    sizes = [("640", "480"), ("300", "500")]
    for shown in (page, Page(await send(http, poll, {"idempotency_key": page.key, "selection": "1"}))):
        pictures = shown.all("img")
        assert [(one["width"], one["height"]) for one in pictures] == sizes
        assert [one["alt"] for one in pictures] == ['A "<b>" 1', 'A "<b>" 2']
        assert [one["src"] for one in pictures] == [f"{shared.base_url}/i/{image}" for image in images]
        assert all(one["loading"] == "lazy" for one in pictures)


def order(page: Page) -> list[str]:
    return [str(radio["value"]) for radio in page.all("input", type="radio")]


async def test_shuffled_answers_stay_where_they_are_in_a_form(shared: Service, http: Http) -> None:
    """Another order in each page view, and the same one when the form is shown again after an error."""
    labels = [f"Answer {n}" for n in range(1, 9)]
    poll, fixed = await shared.add_poll(options=labels, shuffle=True), await shared.add_poll(options=labels)
    pages = [await show(http, poll) for _ in range(40)]
    orders = [order(page) for page in pages]
    assert len({tuple(one) for one in orders}) > 35
    assert all(sorted(one) == sorted(orders[0]) for one in orders)
    assert len({one[0] for one in orders}) >= 6  # each answer comes first for somebody
    again = await send(http, poll, {"idempotency_key": pages[0].key})
    assert (again.status, order(Page(again))) == (422, orders[0])
    assert order(await show(http, fixed)) == [str(n) for n in range(1, 9)]
    voted = Page(await send(http, poll, {"idempotency_key": pages[0].key, "selection": "3"}))
    assert re.findall(r"Answer \d", voted.text) == labels  # the result has the poll's own order


@pytest.mark.parametrize(
    "more",
    [{}, {"kind": "multiple"}, {"write_in": True}, {"shuffle": True}, {"kind": "ranked"}],
    ids=str,
)
async def test_the_form_stands_where_the_widget_will_be(
    shared: Service, http: Http, more: dict[str, object]
) -> None:
    """Not where somebody has just voted without it: it would not know of that vote."""
    poll = await shared.add_poll(**more)  # type: ignore[arg-type]
    page = await show(http, poll)
    assert [element["poll"] for element in page.all("pollsvc-poll")] == [poll]
    assert page.all("form")
    fields = {"idempotency_key": page.key, "rank_1" if more.get("kind") == "ranked" else "selection": "1"}
    voted = Page(await send(http, poll, fields))
    assert not voted.all("pollsvc-poll")
    assert not voted.all("form")


async def own_form(http: Http, poll: str, **fields: str | Sequence[str]) -> Page:
    """Fill in a new form and send it."""
    page = await show(http, poll)
    given = {name: value if isinstance(value, str) else [*value] for name, value in fields.items()}
    return Page(await send(http, poll, {"idempotency_key": page.key, **given}))


async def test_an_answer_of_ones_own_by_the_form(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(write_in=True)
    page = await show(http, poll)
    assert [radio["value"] for radio in page.all("input", type="radio")] == ["1", "2", "3", "own"]
    assert not any("required" in radio for radio in page.all("input", type="radio"))
    for fields in ({"selection": "own", "own": "Nobody"}, {"own": " nobody "}):
        voted = await own_form(http, poll, **fields)
        assert voted.all("p", role="status")
        assert "An editor decides" in voted.text
        assert re.search(r"Other answers\s+written by readers.*?✓ Your vote", voted.text, re.DOTALL)
    assert (await http.results(poll))["other"] == 2
    listed = await own_form(http, poll, own="iran")
    assert "An editor decides" not in listed.text
    await shared.assert_clean(poll)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"selection": "1", "own": "Nobody"}, "Keep one of the two"),
        ({"selection": "own"}, "there is none"),
        ({"own": "x" * 101}, "at most 100 characters"),
        ({"own": "\u0007"}, "characters that can be seen"),
        ({}, "Choose an answer"),
    ],
)
async def test_a_text_that_is_no_answer_is_explained(
    shared: Service, http: Http, fields: dict[str, str], says: str
) -> None:
    poll = await shared.add_poll(write_in=True)
    page = await own_form(http, poll, **fields)
    assert page.all("p", role="alert")
    assert says in page.text
    [field] = page.all("input", name="own")
    assert (field["value"] or "") == fields.get("own", "")
    assert await shared.ballots(poll) == []


async def test_a_text_beside_other_answers_by_the_form(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(kind="multiple", write_in=True, max_picks=2)
    too_many = await own_form(http, poll, selection=["1", "2"], own="Nobody")
    assert "Choose up to 2 answers" in too_many.text
    voted = await own_form(http, poll, selection=["3"], own="Nobody")
    assert voted.text.count("✓ Your vote") == 2
    assert [ballot.selection for ballot in await shared.ballots(poll)] == ["3,4"]
