"""Editors' lists: polls found, opened and closed, articles and their polls, and the sites."""

import re
from html import unescape
from urllib.parse import quote

from pollsvc.domain.editor import Role
from tests.support.desk import HERE, Desk, id_in, place_of, text_of
from tests.support.editors import signed_in
from tests.support.forms import filled, form_in
from tests.support.reader import Answer, new_key
from tests.support.server import Service

pytest_plugins = ("tests.support.admin_fixtures",)


async def test_polls_are_found_by_question_option_article_site_and_state(desk: Desk) -> None:
    poll = await desk.add("Quel été zébré ?", ["Oui zébu", "Non"], articles=[f"{HERE}/zebra/story"])
    other = await desk.add("Another zebra", ["a", "b"], site="Gazette", draft=True)

    async def found(query: str) -> list[str]:
        page = await desk.page(f"/admin/polls?{query}")
        return re.findall(r'<th scope="row" class="main"><a href="[^"]*/polls/(\w+)', page)

    for text in ("ÉTÉ zébré", "zébu", "zebra/st", poll):
        assert await found(f"q={quote(text)}") == [poll]
    assert set(await found("q=zebra")) == {poll, other}
    assert await found("q=zebra&state=draft") == [other]
    [gazette] = re.findall(r'\?site=(\w+)"><bdi>Gazette<', await desk.page("/admin/polls"))
    assert await found(f"q=zebra&site={gazette}") == [other]
    assert await found("q=%25") == []
    assert "Nothing found" in text_of(await desk.page("/admin/polls?q=<script>x"))
    await desk.page("/admin/polls?state=nonsense", 400)
    await desk.page("/admin/polls?after=nonsense", 400)


async def test_the_list_goes_on_page_by_page(desk: Desk) -> None:
    ids = {await desk.add(f"Serial {number}") for number in range(53)}
    seen, path = [], "/admin/polls?q=Serial"
    while path:
        page = await desk.page(path)
        seen += re.findall(r'<th scope="row" class="main"><a href="[^"]*/polls/(\w+)', page)
        following = re.findall(r'rel="next" href="([^"]+)"', page)
        path = "/admin/polls" + unescape(following[0]) if following else ""
    assert len(seen) == len(set(seen))
    assert set(seen) == ids


async def test_a_poll_is_opened_closed_archived_and_copied(desk: Desk) -> None:
    poll = await desk.add(draft=True)

    async def act(action: str, referer: str = "", **fields: str) -> str:
        place = place_of(await desk.http.send(f"/admin/polls/{poll}/{action}", fields, Referer=referer))
        assert "done=" in place
        return place

    here = f"{desk.service.base_url}/admin/polls/{poll}/history?done=x"
    assert await act("publish", here, revision="1") == f"/admin/polls/{poll}/history?done=poll_published"
    assert await act("close", "https://evil.example/admin/polls") == f"/admin/polls/{poll}?done=poll_closed"
    assert (await desk.http.send(f"/admin/polls/{poll}/open", {"revision": "1"})).status == 412
    await act("open")
    assert (await desk.http.send(f"/admin/polls/{poll}/archive")).status == 409
    await act("close")
    await act("archive")
    assert (await desk.poll(poll)).archived_at is not None
    await act("archive", archived="")
    assert (await desk.poll(poll)).archived_at is None
    await act("archive")
    await act("unarchive")
    copy = await act("duplicate")
    assert copy.endswith("/edit?done=poll_duplicated")
    assert (await desk.poll(id_in(copy))).draft
    assert "This is the copy" in text_of(await desk.page(copy))


async def test_polls_are_attached_to_articles_and_ordered_there(desk: Desk) -> None:
    first, second = await desk.add("First?"), await desk.add("Second?")
    story, other = f"{HERE}/ordered/story", f"{HERE}/ordered/other"
    for poll in (first, second):
        path = f"/admin/polls/{poll}/articles"
        answer = await desk.http.send(
            path, {"articles": f"http://www.news.example/ordered/story/\r\n{other}"}
        )
        assert place_of(answer) == f"{path}?done=attached"
    wrong = await desk.http.send(f"/admin/polls/{first}/articles", {"articles": f"{HERE}/fine\r\nnews"})
    assert (wrong.status, "is no article URL" in text_of(wrong)) == (400, True)
    assert list((await desk.poll(first)).placements) == [story, other]

    async def order() -> list[str]:
        page = await desk.page(f"/admin/articles?url={quote(story)}")
        return re.findall(r'class="what"><a href="[^"]*/polls/(\w+)', page)

    async def do(what: str, **more: str) -> Answer:
        return await desk.http.send("/admin/articles", {"url": story, "do": what, **more})

    assert await order() == [first, second]
    assert place_of(await do(f"up:{second}")).startswith("/admin/articles?url=https%3A%2F%2Fnews.example")
    assert await order() == [second, first]
    await do(f"up:{second}")
    await do("up:nobody")
    assert await order() == [second, first]
    await do(f"detach:{second}")
    assert await order() == [first]
    page = f"{desk.service.base_url}/p/{second}?lang=en"
    assert place_of(await do("attach", poll=page)).endswith("done=attached")
    assert await order() == [first, second]
    assert (await do("attach", poll="nobody")).status == 404
    detached = await desk.http.send(f"/admin/polls/{first}/articles", {"detach": story})
    assert place_of(detached).endswith("done=detached")

    found = await desk.page("/admin/articles?q=ORDERED/")
    assert re.findall(r"<bdi dir=\"ltr\">([^<]+)</bdi></a></th>\s*<td class=\"num\"[^>]*>(\d)", found) == [
        ("news.example/ordered/other", "2"),
        ("news.example/ordered/story", "1"),
    ]
    assert "news.example/ordered/story" in await desk.page(
        f"/admin/articles?q={quote('http://www.news.example/ordered/story#x')}"
    )
    await desk.page("/admin/articles?after=x", 400)
    links = [f"{HERE}/many/{number}" for number in range(70)]
    await desk.add("Everywhere?", articles=links)
    page = await desk.page("/admin/articles?q=/many/")
    [older] = re.findall(r'rel="next" href="([^"]+)"', page)
    page += await desk.page("/admin/articles" + unescape(older))
    assert sorted(re.findall(r'ltr">(news.example/many/[0-9]+)<', page)) == sorted(
        link.removeprefix("https://") for link in links
    )
    await desk.page("/admin/articles?url=nonsense", 400)


async def test_viewers_see_lists_and_history_and_change_nothing(shared: Service) -> None:
    poll = await shared.add_poll(write_in=True, articles=[f"{HERE}/viewed"])
    async with signed_in(shared.base_url, shared.database_url, Role.VIEWER) as http:
        for path in (
            "/admin/polls",
            f"/admin/polls/{poll}/history",
            f"/admin/polls/{poll}/embed",
            f"/admin/polls/{poll}/write-ins",
            "/admin/articles",
            f"/admin/articles?url={HERE}/viewed",
        ):
            answer = await http.get(path)
            main = answer.body.decode().partition("<main")[2]
            assert (answer.status, 'method="post"' in main) == (200, False), path
        for path in ("/admin/polls/new", f"/admin/polls/{poll}/edit", "/admin/sites"):
            assert (await http.get(path)).status == 403


async def test_sites_are_added_and_changed(shared: Service) -> None:
    async with signed_in(shared.base_url, shared.database_url, Role.ADMIN) as http:
        fields = {"name": "Courier", "origins": "https://a.example\r\nhttp://b.example", "locale": "fa"}
        wrong = await http.send("/admin/sites", {**fields, "time_zone": "Mars/Base", "percent_from": "x"})
        assert wrong.status == 400
        typed = form_in(wrong.body.decode(), action=f"{shared.base_url}/admin/sites")
        assert ("origins", "https://a.example\r\nhttp://b.example") in typed
        form = filled(typed, time_zone="Asia/Tehran", percent_from="20")
        assert place_of(await http.send("/admin/sites", form)) == "/admin/sites?done=site_added"
        page = (await http.get("/admin/sites")).body.decode()
        [path] = re.findall(r'/admin/sites/\w+(?="><bdi>Courier<)', page)
        form = form_in((await http.get(path)).body.decode(), action=shared.base_url + path)
        assert ("locale", "fa") in form
        assert (
            place_of(await http.send(path, filled(form, name="The Courier")))
            == "/admin/sites?done=site_changed"
        )
        taken = await http.send(path, filled(form, name="News"))
        assert (taken.status, 'href="#name"' in taken.body.decode()) == (400, True)
        assert (await http.get("/admin/sites/nobody")).status == 404
        await http.send(path, filled(form, name=f"Courier {new_key()}"))
