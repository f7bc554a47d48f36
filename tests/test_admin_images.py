"""Images in the form of a poll, and the preview: what readers will be sent."""

import re
from html import unescape
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from PIL import Image

from pollsvc.services.editing.definitions import MAX_ALT, MAX_LABEL, MAX_LANGS, MAX_OPTIONS, MAX_QUESTION
from pollsvc.services.editing.new_poll import NewOption
from pollsvc.storage.images import load_image
from pollsvc.web.admin.polls.languages import languages
from tests.support.desk import Desk, id_in, place_of, text_of
from tests.support.forms import Field, filled, form_in
from tests.support.reader import Http
from tests.support.server import open_connection

pytest_plugins = ("tests.support.admin_fixtures",)


def picture(size: tuple[int, int] = (30, 20), kind: str = "PNG", mode: str = "RGB", **more: Any) -> bytes:
    file = BytesIO()
    Image.new(mode, size, 1).save(file, kind, **more)
    return file.getvalue()


def multipart(fields: list[Field], **files: bytes) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields:
        form.add_field(name, value)
    for name, content in files.items():
        file = BytesIO(content)
        form.add_field(name.replace("__", ":"), file, filename="x.png", content_type="image/png")
    return form


async def test_an_image_is_kept_with_the_form_and_shown_to_readers(desk: Desk, http: Http) -> None:
    path = "/admin/polls/new"
    exif = Image.Exif()
    exif[0x010E] = "taken in the garden of Anna"
    photo = picture((40, 20), "JPEG", exif=exif)
    form = filled(await desk.new_form(), question__0="Which?", label__new1__0="One", label__new2__0="Two")
    answer = await desk.http.request(
        "POST", path, data=multipart([*form, ("do", "publish")], file__new1=photo, file__new2=b"no image")
    )
    page = answer.body.decode()
    assert answer.status == 400
    assert {'href="#alt-new1-0"', 'href="#file-new2"'} <= set(re.findall(r'href="#[^"]+"', page))
    form = filled(form_in(page, id_="poll-form"), alt__new1__0="A red square")
    [image] = [value for name, value in form if name == "image:new1"]
    assert re.fullmatch("[0-9a-f]{32}", image)
    place = place_of(await desk.http.send(path, [*form, ("do", "publish")]))
    poll = await desk.poll(id_in(place))
    assert (poll.options[0].image, poll.options[0].alt) == (image, {"en": "A red square"})
    async with open_connection(desk.service.database_url) as connection:
        kept = await load_image(connection, image)
    assert kept is not None
    assert (kept.width, kept.height, kept.content_type) == (40, 20, "image/webp")
    assert b"Anna" not in kept.content
    shown = await http.get(f"/i/{image}")
    assert (shown.status, shown.body) == (200, kept.content)
    form = await desk.form(f"/admin/polls/{poll.id}/edit")
    gone = await desk.http.send(f"/admin/polls/{poll.id}/edit", [*form, ("do", "drop_image:1")])
    assert ("image:1", "") in form_in(gone.body.decode(), id_="poll-form")


async def test_uploads_have_their_limits(desk: Desk) -> None:
    async def upload(content: bytes) -> str:
        answer = await desk.http.request("POST", "/admin/images", data=multipart([], file=content))
        return unescape(answer.body.decode())

    assert "data-image=" in await upload(picture())
    assert await upload(picture()) == await upload(picture())
    assert "no image that can be read" in await upload(b"GIF89a")
    assert "larger than 5 MiB" in await upload(b"x" * (5 * 1024 * 1024 + 1))
    assert "any other image 16 million" in await upload(picture((7_000, 7_000), mode="1"))
    assert "larger than 5 MiB" in await upload(b"x" * (20 * 1024 * 1024))
    empty = await desk.http.request("POST", "/admin/images", data=multipart([("file", "")]))
    assert "Choose an image" in empty.body.decode()
    large = re.findall(r'data-image="(\w+)"', await upload(picture((3000, 1500))))[0]
    async with open_connection(desk.service.database_url) as connection:
        kept = await load_image(connection, large)
    assert kept is not None
    assert (kept.width, kept.height) == (1200, 600)


async def test_the_preview_is_what_readers_are_sent(desk: Desk) -> None:
    form = filled(await desk.new_form(), question__0="Who <won>?", label__new1__0="Iran")
    answer = await desk.http.send("/admin/preview", form)
    page = answer.body.decode()
    assert answer.status == 200
    [widget] = re.findall(r'data-widget="([^"]*)"', page)
    for part in ('"text":"Who \\u003cwon\\u003e?"', '"label":"Iran"', '"site":"preview"', '"voters":0'):
        assert part.replace('":', '": ') in unescape(widget) or part in unescape(widget), part
    assert "Who &lt;won&gt;?" in page
    wrong = await desk.http.send("/admin/preview", filled(form, closes_at="x"))
    assert "no date and time" in text_of(wrong)
    ranked = (await desk.http.send("/admin/preview", filled(form, kind="ranked"))).body.decode()
    assert "rank_add" in ranked
    assert 'name="rank_1"' in ranked
    assert (await desk.http.send("/admin/preview", filled(form, site="x"))).status == 400


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_the_largest_poll_is_saved_by_its_form(desk: Desk) -> None:
    langs = [one.tag for one in languages()[:MAX_LANGS]]
    answer = await desk.http.request("POST", "/admin/images", data=multipart([], file=picture()))
    [image] = re.findall('data-image="([0-9a-f]+)"', answer.body.decode())
    options = [
        NewOption(
            {tag: f"{number}{tag} ".ljust(MAX_LABEL, "र") for tag in langs},
            image=image,
            alt=dict.fromkeys(langs, "र" * MAX_ALT),
        )
        for number in range(MAX_OPTIONS)
    ]
    poll = await desk.add(dict.fromkeys(langs, "र" * MAX_QUESTION), options, lang=langs[0], draft=True)
    path = f"/admin/polls/{poll}/edit"
    form = filled(await desk.form(path), label__50__19="The last of all")
    answer = await desk.http.request("POST", path, data=multipart([*form, ("do", "draft")]))
    assert place_of(answer).endswith("done=draft_saved")
    assert (await desk.poll(poll)).options[-1].label[max(langs[1:])] == "The last of all"
