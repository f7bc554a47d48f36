"""Editors download what a poll has, with every number and nothing that tells who voted."""

import csv
import io
import re
from collections.abc import AsyncIterator

import pytest

from pollsvc.domain.editor import Role
from tests.support.editors import EditorHttp, signed_in
from tests.support.reader import Http, Reader
from tests.support.server import Service


@pytest.fixture
async def viewer(shared: Service) -> AsyncIterator[EditorHttp]:
    async with signed_in(shared.base_url, shared.database_url, Role.VIEWER) as browser:
        yield browser


async def test_a_download_as_the_page_offers_it(shared: Service, http: Http, viewer: EditorHttp) -> None:
    poll = await shared.add_poll(options=("=cmd()", "b"))
    assert (await Reader(http).vote(poll, 1)).status == 201
    page = (await viewer.get(f"/admin/polls/{poll}/export")).body.decode()
    for name in ("what", "format", "bucket"):
        assert f'name="{name}"' in page
    answer = await viewer.get(f"/admin/polls/{poll}/export/file?what=ballots&format=csv&bucket=hour")
    assert answer.headers["content-disposition"] == f'attachment; filename="poll-{poll}-ballots.csv"'
    assert int(answer.headers["content-length"]) == len(answer.body)
    rows = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"))))
    [ballot] = await shared.ballots(poll)
    assert [row["selection"] for row in rows] == ["1"]
    assert "'=cmd()" in answer.body.decode()
    assert ballot.voter not in answer.body.decode()
    assert (await viewer.get(f"/admin/polls/{poll}/export/file?what=odd")).status == 400
    wrong = await viewer.get(f"/admin/polls/{poll}/export/file?what=all&format=csv&bucket=day")
    page = wrong.body.decode()
    assert (wrong.status, 'href="#format"' in page) == (400, True)
    assert re.findall(r'value="(\w+)" (?:checked|selected)', page) == ["all", "csv", "day"]
    assert (await viewer.get("/admin/polls/none/export")).status == 404
