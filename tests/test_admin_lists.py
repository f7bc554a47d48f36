"""Editors' lists: polls found, opened and closed, articles and their polls, and the sites."""

import re
from html import unescape
from urllib.parse import quote

from pollsvc.domain.editor import Role
from pollsvc.domain.log import COMMAND_LINE, Act, entry_of
from pollsvc.web.admin.deeds import deed_of
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
    assert await found("q=z%25bra") == []
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
    await act("unarchive")
    assert (await desk.poll(poll)).archived_at is None
    copy = await act("duplicate")
    assert copy.endswith("/edit?done=poll_duplicated")
    assert (await desk.poll(id_in(copy))).draft
    assert "This is the copy" in text_of(await desk.page(copy))


async def test_the_site_that_is_chosen_stays_chosen(desk: Desk) -> None:
    story = f"{HERE}/chosen/story"
    poll = await desk.add("Chosen?", articles=[story], write_in=True)
    site = (await desk.poll(poll)).site.id
    pages = [
        "",
        "/edit",
        "/version",
        "/articles",
        "/write-ins",
        "/ballots",
        "/embed",
        "/history",
        "/export",
        "/live",
    ]
    for path in (
        *(f"/admin/polls/{poll}{page}?" for page in pages),
        *("/admin/polls?", "/admin/articles?", f"/admin/articles?url={quote(story)}&", "/admin/log?"),
    ):
        page = await desk.page(f"{path}site={site}")
        links = re.findall(r'<(?:a|form|button)[^>]* (?:href|method="post" action)="([^"]+)"', page)
        own = [link for link in links if re.search(r"/admin/(polls|articles|log)\b|^\?", link)]
        assert own or path.endswith("/live?")
        assert [link for link in own if f"site={site}" not in link] == []
    done = place_of(await desk.http.send(f"/admin/polls/{poll}/close?site={site}"))
    assert done == f"/admin/polls/{poll}?done=poll_closed&site={site}"


def test_the_log_tells_of_anything_in_words() -> None:
    before: dict[str, object] = {
        "options": [{"id": 1, "label": {"en": "a"}, "image": "x1"}, {"id": 2, "state": "pending"}]
    }
    merged = {"id": 2, "state": "merged", "merged_into": 1}
    after: dict[str, object] = {
        "options": [{"id": 1, "label": {"en": "a"}, "image": "x2"}, merged],
        "visibility": "never",
    }

    def told(before: dict[str, object], after: dict[str, object]) -> list[tuple[str, str, str]]:
        entry = entry_of(Act(COMMAND_LINE, "poll.edit", "poll:x", before, after), 1, 0, "")
        return [one[:3] for one in deed_of(entry, "UTC").differences]

    assert told(before, after) == [
        ("Image of option 1", "an image", "another image"),
        ("State of option 2", "waits for an editor", "merged into another"),
        ("What option 2 counts for", "", "a"),
        ("Who sees the results", "", "Editors only"),
    ]
    odd: dict[str, object] = {"opens_at": "soon", "closes_at": 10**30, "options": [{"id": []}], "kind": [1]}
    odd |= {"visibility": {"a": 1}, "question": 7, "picks": "all", "lang": "zz-ZZ"}
    assert ("Opens", "", "soon") in told({}, odd)


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
    for nothing in (f"up:{second}", "down:nobody"):
        assert "done=" not in place_of(await do(nothing))
    assert (await do("nonsense")).status == 400
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
