"""Admins bring polls in by the page, programs by HTTP, with the votes of each."""

import asyncio
import gzip
import re
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import expect

from pollsvc.domain.editor import Scope
from pollsvc.services.imports.importing import MAX_UPLOAD
from tests.support.admin_browser import Admin
from tests.support.browser import axe
from tests.support.reader import Answer, Http, Reader
from tests.support.server import SITE, run_service
from tests.test_editors_api import ROOT, key_of

pytest_plugins = ("tests.support.browser_fixtures", "tests.support.admin_fixtures")

DATA = Path(__file__).parent / "data/wp-polls"


async def test_an_admin_imports_what_was_exported(admin: Admin) -> None:
    poll = await admin.service.add_poll("Who won the match?")
    async with Http(admin.service.base_url) as http:
        assert (await Reader(http).vote(poll, 2)).status == 201
    page = await admin.open(f"/admin/polls/{poll}/export")
    await page.get_by_label("All of it").check()
    await page.get_by_role("radio", name="NDJSON For").check()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download").click()
    file = await (await download.value).path()
    await page.goto(admin.service.base_url + "/admin/polls")
    await page.get_by_role("link", name="Import").click()
    assert await axe(page) == []
    card = page.get_by_role("region", name="From another pollsvc")
    await card.get_by_label("Exported file").set_input_files(file)
    await card.get_by_role("button", name="Import").click()
    await expect(page.get_by_text("1 poll, 1 vote")).to_be_visible()
    assert await axe(page) == []
    await expect(page.get_by_role("row", name=re.compile("Who won the match"))).to_contain_text(
        "asks the same"
    )
    await page.get_by_role("link", name="Who won the match?").click()
    await expect(page).not_to_have_url(re.compile(poll))
    async with Http(admin.service.base_url) as http:
        assert (await http.results(page.url.rpartition("/")[2]))["voters"] == 1


async def test_an_admin_checks_and_imports_a_wordpress(admin: Admin, tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql.gz"
    dump.write_bytes(gzip.compress((DATA / "default.sql").read_bytes()))
    page = await admin.open(
        "/admin/polls/import", color_scheme="dark", viewport={"width": 400, "height": 800}
    )
    card = page.get_by_role("region", name="From WordPress")
    await card.get_by_label("Time zone").fill("Asia/Nowhere")
    await card.get_by_label("SQL dump").set_input_files(dump)
    await card.get_by_role("button", name="Check").click()
    await expect(page.get_by_role("alert")).to_contain_text("'Asia/Nowhere' is no time zone")
    await card.get_by_label("Time zone").fill("America/New_York")
    for button, said in (("Check", "Nothing is imported yet"), ("Import", "What was imported")):
        await card.get_by_label("SQL dump").set_input_files(dump)
        await card.get_by_role("button", name=button).click()
        await expect(page.get_by_text(said)).to_be_visible()
        await expect(page.get_by_text("1 left out")).to_be_visible()
        await expect(card.get_by_label("Time zone")).to_have_value("America/New_York")
        assert await axe(page) == []
    await admin.service.assert_clean()
    for name in ("Questions", "Answers"):
        await page.get_by_text("Or its tables as CSV").click()
        await card.get_by_label(name).set_input_files(DATA / f"wp_polls{name[0].lower()}.csv")
        await page.get_by_text("Or its tables as CSV").click()
    await card.get_by_role("button", name="Check").click()
    await expect(page.get_by_text("Nothing is imported yet")).to_be_visible()
    await card.get_by_role("button", name="Check").click()
    await expect(page.get_by_role("alert")).to_contain_text("Give either a dump")


async def test_a_program_imports(tmp_path: Path) -> None:
    async with run_service(tmp_path, site=True) as service, Http(service.base_url) as http:
        key = await key_of(service, [Scope.POLLS_IMPORT])

        async def send(path: str, body: bytes) -> Answer:
            return await http.request(
                "POST", ROOT + path, data=BytesIO(body), headers={"Authorization": f"Bearer {key}"}
            )

        poll = await service.add_poll(articles=("https://news.example/a",))
        assert (await Reader(http).vote(poll, 1, article="https://news.example/a")).status == 201
        exported = (await service.run("poll", "export", poll)).encode()
        site = quote(SITE)
        made = await send(f"/imports?site={site}&attach=true", exported)
        assert (made.status, made.json["ballots"]) == (201, 1)
        answer = await http.get("/api/v1/articles?url=https://news.example/a")
        assert [one["id"] for one in answer.json["polls"]] == [poll, made.json["id"]]
        dump = (DATA / "default.sql").read_bytes()
        path = f"/imports/wp-polls?site={site}&time_zone=America/New_York"
        checked = (await send(path + "&dry_run=true", dump)).json
        assert {each["id"] for each in checked["polls"]} == {None}
        imported = (await send(path, dump)).json
        assert imported["votes"] == checked["votes"] == sum(each["ballots"] for each in imported["polls"])
        assert imported["imported"] == sum(each["id"] is not None for each in imported["polls"]) > 1
        for refused, code in (
            (await send(f"/imports?site={site}", exported[:-9]), "bad_request"),
            (await send(f"/imports?site={site}", b""), "bad_request"),
            (await send(f"/imports?site={site}&attach=1", exported), "bad_request"),
            (await send(f"/imports?site={site}", b" " * (MAX_UPLOAD + 1)), "body_too_large"),
            (await send("/imports?site=none", exported), "bad_request"),
            (await send(path, b"\x1f\x8b" + dump), "bad_request"),
        ):
            assert refused.code == code
        at_once = await asyncio.gather(*(send(path + "&dry_run=true", dump) for _ in range(6)))
        assert {one.status for one in at_once} <= {200, 409}
        assert 200 in {one.status for one in at_once}
        await service.assert_clean()
