"""What readers can read of a poll's changes: its history, as JSON and as a page, and its other versions."""

import asyncio
import re
import time
from dataclasses import replace
from typing import Any

import pytest

from pollsvc.domain.poll import OptionState, Visibility
from pollsvc.services import public_history
from pollsvc.services.editing.new_poll import NewOption, NewPoll, as_new
from pollsvc.services.public_history import PublicHistory
from pollsvc.storage.database import Connection
from tests.support.reader import Answer, Http
from tests.support.server import Service, until
from tests.support.write_ins import decide, write
from tests.test_public_page import HOSTILE, Page, show


async def edit(service: Service, poll: str, **changes: object) -> None:
    """Correct a poll, by fields of NewPoll."""
    async with service.editor() as editor:
        new = replace(as_new(await editor.poll(poll)), **changes)  # type: ignore[arg-type]
        await editor.edit_poll(poll, new, correction=True)


async def history(http: Http, poll: str, changes: int) -> Answer:
    """The history, once it has so many changes: it is read at most once a second."""
    answers: list[Answer] = []

    async def there() -> bool:
        answers[:] = [await http.get(f"/api/v1/polls/{poll}/history")]
        return len(answers[0].json["changes"]) == changes

    await until(there)
    return answers[0]


async def page_of(http: Http, poll: str, changes: int, query: str = "") -> Page:
    """The page of the history with so many changes."""
    await history(http, poll, changes)
    answer = await http.get(f"/p/{poll}/history{query}")
    assert answer.status == 200
    return Page(answer)


async def test_the_history_as_json(shared: Service, http: Http) -> None:
    began = int(time.time())
    poll = await shared.add_poll()
    await edit(shared, poll, question="Who has won?")
    answer = await history(http, poll, 2)
    published, question = answer.json["changes"]
    assert answer.json["id"] == poll
    assert (published["number"], published["what"], published["old"]) == (1, "published", None)
    at = question.pop("at")
    assert began <= time.mktime(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone <= time.time()
    expected = {"number": 2, "what": "question", "option": None, "lang": "en"}
    assert question == {**expected, "old": "Who won?", "new": "Who has won?"}
    assert answer.headers["cache-control"].startswith("public, max-age=10")
    assert answer.headers["access-control-allow-origin"] == "*"
    path = f"/api/v1/polls/{poll}/history"
    assert (await http.get(path, If_None_Match=answer.headers["etag"])).status == 304


@pytest.mark.parametrize("path", ["/api/v1/polls/{}/history", "/p/{}/history"])
async def test_drafts_have_no_history(shared: Service, http: Http, path: str) -> None:
    draft = await http.get(path.format(await shared.add_poll(draft=True)))
    unknown = await http.get(path.format("nosuchpoll"))
    assert (draft.status, unknown.status) == (404, 404)
    assert draft.body == unknown.body


async def test_the_history_as_a_page(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(write_in=True)
    closes_at = int(time.time()) + 9999
    options = [
        NewOption("Iran!", id=1),
        NewOption("Neither", id=3),
        NewOption("The United States", id=2, retired=True),
        NewOption("Both"),
    ]
    await edit(shared, poll, options=options, closes_at=closes_at, allow_change=True, shuffle=True)
    await edit(shared, poll, visibility=Visibility.AFTER_VOTE)
    page = await page_of(http, poll, 9)
    says = [
        r"The wording of an answer was changed\.\s+Before\s+Iran\s+After\s+Iran!",
        r"An answer is no longer offered\. It keeps its votes\.\s+The United States",
        r"An answer was added\.\s+Both",
        r"order of the answers was changed\.\s+Before\s+Iran! · The United States · Neither",
        r"After\s+Iran! · Neither · The United States",
        r"The closing time was changed\.\s+Before\s+no fixed time\s+After\s+\w+ \d+, \d+",
        r"Before\s+Everyone sees the results\s+After\s+Results after you vote",
        r"Readers can now change their votes\.",
        r"The answers are now shown in random order\.",
        r"The poll was published\.",
    ]
    for sentence in says:
        assert re.search(sentence, page.text), sentence
    assert page.text.index("random order") < page.text.index("was published")  # the latest first
    assert [(one["lang"], one["dir"]) for one in page.all("del")][:1] == [("en", "ltr")]
    assert page.all("a", href=f"{shared.base_url}/p/{poll}")
    assert (await show(http, poll)).all("a", href=f"{shared.base_url}/p/{poll}/history")
    assert not page.all("script")


async def test_the_page_of_changes_in_its_language(shared: Service, http: Http) -> None:
    options = [NewOption({"en": "Iran", "ar": "إيران"}), NewOption({"en": "Nobody", "ar": "لا أحد"})]
    poll = await shared.add_poll({"en": "Who won?", "ar": "من انتصر؟"}, options, lang="en")
    await edit(shared, poll, question={"en": "Who won?", "ar": "من الذي انتصر؟"})
    page = await page_of(http, poll, 2, "?lang=ar")
    assert (page.all("html")[0]["lang"], page.all("html")[0]["dir"]) == ("ar", "rtl")
    assert "تغيّر السؤال." in page.text
    assert page.all("del", lang="ar", dir="rtl")
    english = await page_of(http, poll, 2)
    assert "The question was changed." in english.text
    assert "العربية" in english.text
    assert english.all("ins", lang="ar", dir="rtl")
    assert page.all("a", href=f"{shared.base_url}/p/{poll}?lang=ar")


async def test_approved_and_merged_texts_are_named(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(write_in=True)
    for text in ("The people", "Persia", "rude"):
        await write(http, poll, text)
    async with shared.editor() as editor:
        before = await editor.poll(poll)
        changes: dict[int, dict[str, Any]] = {
            4: {"state": OptionState.ACTIVE},
            5: {"state": OptionState.MERGED, "merged_into": 1},
            6: {"state": OptionState.REJECTED},
        }
        await editor.change(
            poll,
            "poll.review",
            lambda poll, _now: replace(
                poll,
                revision=poll.revision + 1,
                options=tuple(replace(one, **changes.get(one.id, {})) for one in poll.options),
            ),
            before.revision,
        )
    page = await page_of(http, poll, 3)
    assert re.search(r"readers wrote joined the list\.\s+The people", page.text)
    assert re.search(r"counts as another one\.\s+Before\s+Persia\s+After\s+Iran", page.text)
    assert "rude" not in page.text


async def test_hostile_text_in_a_history_is_text(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    await edit(shared, poll, question=f"Q {HOSTILE}")
    answer = await http.get(f"/p/{poll}/history")
    page = await page_of(http, poll, 2)
    assert f"Q {HOSTILE}" in page.text
    assert not page.all("script")
    assert not page.all("img")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"].startswith("public, max-age=10")


async def test_versions_lead_to_each_other(shared: Service, http: Http) -> None:
    poll = await shared.add_poll("Who won?")
    async with shared.editor() as editor:
        new = await editor.new_version(poll, NewPoll("Who won the final?", ["Iran", "Nobody"]))

    async def replaced() -> bool:
        return "taken this poll’s place" in (await show(http, poll)).text

    await until(replaced)
    before, after = await show(http, poll), await show(http, new.id)
    assert before.all("a", href=f"{shared.base_url}/p/{new.id}")
    assert "Who won the final?" in before.text
    assert not before.all("form")
    assert "its votes began anew" in after.text
    assert after.all("a", href=f"{shared.base_url}/p/{poll}")
    changes = Page(await http.get(f"/p/{poll}/history"))
    assert changes.all("a", href=f"{shared.base_url}/p/{new.id}")


async def test_a_poll_in_the_archive_says_so(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(closes_at=int(time.time()) - 9)
    async with shared.editor() as editor:
        await editor.archive_poll(poll)

    async def archived() -> bool:
        return "in the archive" in (await show(http, poll)).text

    await until(archived)
    assert (await show(http, poll)).all("li")


async def test_retired_and_other_answers_are_marked(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(write_in=True)
    for pick in (1, 2, 2, "Nobody"):
        await write(http, poll, pick)
    options = [NewOption("Iran", id=1), NewOption("The United States", id=2, retired=True)]
    await edit(shared, poll, options=[*options, NewOption("Neither", id=3)], write_in=False)

    async def retired() -> bool:
        return "no longer offered" in (await show(http, poll)).text

    await until(retired)
    page = await show(http, poll)
    assert re.search(r"The United States\s+no longer offered\s+2 votes", page.text)
    assert re.search(r"Other answers\s+written by readers, not in the list\s+1 vote", page.text)
    assert [one["value"] for one in page.all("input", type="radio")] == ["1", "3"]
    await decide(shared, poll, 4, state=OptionState.MERGED, merged_into=1)

    async def merged() -> bool:
        return "Other answers" not in (await show(http, poll)).text

    await until(merged)


async def test_readers_cause_one_query_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    queries: list[str] = []

    class Fake(Connection):
        async def rows(self, sql: str, **values: object) -> list[tuple[object, ...]]:
            queries.append(str(values["poll"]))
            await asyncio.sleep(0.01)
            if len(queries) == 3:
                raise OSError
            return []

    now = 100.0
    monkeypatch.setattr(public_history, "monotonic", lambda: now)
    kept = PublicHistory(Fake("sqlite:///nowhere.db"))
    await asyncio.gather(*(kept.of("a") for _ in range(50)))
    now += 0.9
    await kept.of("a")
    await kept.of("b")
    assert queries == ["a", "b"]
    now += 0.2
    with pytest.raises(Exception, match="Too much"):
        await kept.of("a")
    await kept.of("a")  # what failed is not kept
    assert queries == ["a", "b", "a", "a"]
    await kept.stop()
