"""Editors' poll pages by plain forms: making and changing polls, without JavaScript."""

import random
from html import unescape
from typing import Any

import pytest

from pollsvc.domain.poll import Kind, OptionState
from pollsvc.services.editing.new_poll import NewOption
from tests.support.desk import HERE, Desk, id_in, place_of, text_of
from tests.support.forms import Field, filled, form_in, without
from tests.support.reader import Http, Reader

pytest_plugins = ("tests.support.admin_fixtures",)


async def test_a_poll_is_made_published_and_put_into_articles(desk: Desk, http: Http) -> None:
    form = filled(
        await desk.new_form(),
        question__0="Who won?",
        label__new1__0="Iran",
        label__new2__0="America",
        articles=f"{HERE}/made\r\n{HERE}/made?utm_source=x\r\n",
        visibility="after_vote",
    )
    place = place_of(await desk.http.send("/admin/polls/new", [*form, ("do", "publish")]))
    assert place.endswith("/embed?done=published")
    page = await desk.page(place)
    assert "readers can vote" in text_of(page)
    assert f'poll="{id_in(place)}"' in unescape(page)
    poll = await desk.poll(id_in(place))
    assert (poll.question, poll.visibility, list(poll.placements)) == (
        {"en": "Who won?"},
        "after_vote",
        [f"{HERE}/made"],
    )
    assert (await Reader(http).vote(poll.id, 1)).status == 201


async def test_a_draft_grows_by_its_buttons_and_nothing_typed_is_lost(desk: Desk, http: Http) -> None:
    form = filled(await desk.new_form(), question__0="Who", label__new1__0="Iran", label__new2__0="America")

    async def press(form: list[Field], do: str, **more: str) -> list[Field]:
        answer = await desk.http.send("/admin/polls/new", [*filled(form, **more), ("do", do)])
        assert answer.status == 200, answer
        return form_in(answer.body.decode(), id_="poll-form")

    form = filled(await press(form, "add_option"), label__new3__0="Neither", closes_at="2030-01-02T03:04")
    form = await press(form, "up:new3")
    form = await press(form, "add_language", new_lang="ar")
    labels = {"label__new1__1": "إيران", "label__new3__1": "لا أحد", "label__new2__1": "أمريكا"}
    form = filled(form, question__1="من", **labels)
    form = await press(form, "first_language:1")
    place = place_of(await desk.http.send("/admin/polls/new", [*form, ("do", "draft")]))
    assert place.endswith("/edit?done=draft_saved")
    poll = await desk.poll(id_in(place))
    assert (poll.draft, poll.lang, poll.question) == (True, "ar", {"ar": "من", "en": "Who"})
    assert [option.label["en"] for option in poll.options] == ["Iran", "Neither", "America"]
    assert (await http.get(f"/api/v1/polls/{poll.id}")).status == 404
    again = await desk.form(place)
    assert ("closes_at", "2030-01-02T03:04") in again
    published = place_of(
        await desk.http.send(
            f"/admin/polls/{poll.id}/edit", [*without(again, "closes_at"), ("do", "publish")]
        )
    )
    assert published.endswith("/embed?done=published")
    assert (await desk.poll(poll.id)).closes_at is None


async def test_what_is_wrong_is_shown_at_its_field_and_all_that_was_typed_stays(desk: Desk) -> None:
    form = filled(
        await desk.new_form(),
        question__0="",
        label__new1__0="<b>Iran</b>",
        label__new2__0="<b>Iran</b>",
        closes_at="2026-03-29 soon",
        articles="news",
    )
    answer = await desk.http.send("/admin/polls/new", [*form, ("do", "publish")])
    page = answer.body.decode()
    assert answer.status == 400
    for name in ("question-0", "label-new2-0", "closes_at", "articles"):
        assert f'href="#{name}"' in page
        assert f'aria-describedby="{name}-error"' in page or f'{name}-error" aria-invalid' in page
        assert f'id="{name}-error"' in page
    assert set(form_in(page, id_="poll-form")) >= {
        ("label:new1:0", "<b>Iran</b>"),
        ("closes_at", "2026-03-29 soon"),
        ("articles", "news"),
    }
    assert "<b>Iran" not in page


async def test_an_edit_is_saved_and_told_of(desk: Desk) -> None:
    poll = await desk.add(allow_change=True)
    form = without(await desk.form(f"/admin/polls/{poll}/edit"), "allow_change")
    form = filled(form, closes_at="2030-06-01T12:00")
    place = place_of(await desk.http.send(f"/admin/polls/{poll}/edit", [*form, ("do", "save")]))
    assert place == f"/admin/polls/{poll}?done=poll_saved"
    saved = await desk.poll(poll)
    assert (saved.allow_change, saved.revision) == (False, 2)
    assert "The changes are saved." in text_of(await desk.page(place))
    history = text_of(await desk.page(f"/admin/polls/{poll}/history"))
    assert "Votes can no longer be changed." in history
    assert "changed the poll Closes to 1 Jun 2030, 12:00" in history


async def test_new_texts_of_an_open_poll_are_a_correction_or_a_new_version(desk: Desk, http: Http) -> None:
    long_ago = 1_700_000_000
    poll = await desk.add("Who won?", ["Irna", "America"], articles=[f"{HERE}/corrected"], opens_at=long_ago)
    await Reader(http).vote(poll, 1)
    form = filled(await desk.form(f"/admin/polls/{poll}/edit"), label__1__0="Iran")
    assert ("kind", "single") in form
    asked = await desk.http.send(f"/admin/polls/{poll}/edit", [*form, ("do", "save")])
    page = asked.body.decode()
    assert "Option 1 from Irna → to Iran" in text_of(page)
    assert (await desk.poll(poll)).revision == 1
    hidden = form_in(page, action=f"{desk.service.base_url}/admin/polls/{poll}/edit")
    back = await desk.http.send(f"/admin/polls/{poll}/edit", [*hidden, ("do", "back")])
    assert ("label:1:0", "Iran") in form_in(back.body.decode(), id_="poll-form")
    place = place_of(await desk.http.send(f"/admin/polls/{poll}/edit", [*hidden, ("do", "correct")]))
    assert place == f"/admin/polls/{poll}?done=poll_saved"
    assert (await desk.poll(poll)).options[0].label == {"en": "Iran"}
    assert await http.counts(poll) == [1, 0]

    form = filled(await desk.form(f"/admin/polls/{poll}/edit"), question__0="Who lost?")
    asked = await desk.http.send(f"/admin/polls/{poll}/edit", [*form, ("do", "save")])
    hidden = form_in(asked.body.decode(), action=f"{desk.service.base_url}/admin/polls/{poll}/edit")
    place = place_of(await desk.http.send(f"/admin/polls/{poll}/version", [*hidden, ("do", "version")]))
    new = await desk.poll(id_in(place))
    assert (new.replaces, new.question, list(new.placements)) == (
        poll,
        {"en": "Who lost?"},
        [f"{HERE}/corrected"],
    )
    assert new.opens_at is not None
    assert new.opens_at > long_ago
    assert (await desk.poll(poll)).replaced_by == new.id
    assert await http.counts(new.id) == [0, 0]


async def test_a_new_version_may_be_of_another_kind(desk: Desk) -> None:
    poll = await desk.add("Pick", ["a", "b", NewOption("c", retired=True)], opens_at=1_700_000_000)
    form = await desk.form(f"/admin/polls/{poll}/version")
    assert [value for name, value in form if name == "option"] == ["new1", "new2"]
    form = filled(form, kind="multiple", label__new1__0="A")
    place = place_of(await desk.http.send(f"/admin/polls/{poll}/version", [*form, ("do", "version")]))
    new = await desk.poll(id_in(place))
    assert (new.kind, new.max_picks, [option.id for option in new.options]) == (Kind.MULTIPLE, 2, [1, 2])
    assert new.opens_at is not None
    assert new.opens_at > 1_700_000_000
    again = await desk.http.send(f"/admin/polls/{poll}/version", [*form, ("do", "version")])
    assert again.status == 412
    text = again.body.decode()
    assert ("label:new1:0", "A") in form_in(text, id_="poll-form")
    once_more = await desk.http.send(
        f"/admin/polls/{poll}/version", [*form_in(text, id_="poll-form"), ("do", "version")]
    )
    assert (once_more.status, "not replaced yet" in text_of(once_more)) == (409, True)
    for path in (f"/admin/polls/{poll}/version", f"/admin/polls/{await desk.add(draft=True)}/version"):
        await desk.page(path, 409)


async def test_structure_stands_still_once_a_poll_has_opened(desk: Desk) -> None:
    poll = await desk.add("Pick", ["a", "b", "c"], kind="multiple", max_picks=2)
    page = await desk.page(f"/admin/polls/{poll}/edit")
    assert 'value="ranked"' not in page
    assert "make a new version" in text_of(page)
    form = form_in(page, id_="poll-form")
    narrower = await desk.http.send(f"/admin/polls/{poll}/edit", [*filled(form, most="1"), ("do", "save")])
    assert (narrower.status, "can only grow" in text_of(narrower)) == (409, True)
    forged = await desk.http.send(f"/admin/polls/{poll}/edit", [*filled(form, kind="ranked"), ("do", "save")])
    assert forged.status == 409
    fewer = await desk.http.send(
        f"/admin/polls/{poll}/edit", [*[field for field in form if field != ("option", "3")], ("do", "save")]
    )
    assert (fewer.status, "retire it instead" in text_of(fewer)) == (400, True)
    retired = await desk.http.send(
        f"/admin/polls/{poll}/edit", [*filled(form, retired__3="1"), ("do", "save")]
    )
    assert retired.status == 303
    assert (await desk.poll(poll)).options[2].state is OptionState.RETIRED


async def test_the_archive_of_a_poll_shows_who_did_what(desk: Desk) -> None:
    poll = await desk.add(
        {"en": "Who won?", "fr": "Qui ?"},
        [NewOption({"en": "a", "fr": "à"}), NewOption({"en": "b", "fr": "bé"})],
    )
    path = f"/admin/polls/{poll}/edit"
    form = filled(await desk.form(path), label__2__1="bée", question__1="Qui a gagné ?")
    asked = await desk.http.send(path, [*form, ("do", "save")])
    assert "Question in French from Qui ? → to Qui a gagné ?" in text_of(asked)
    hidden = form_in(asked.body.decode(), action=f"{desk.service.base_url}{path}")
    await desk.http.send(path, [*hidden, ("do", "correct")])
    text = text_of(await desk.page(f"/admin/polls/{poll}/history"))
    assert "Option 2 in French from bé → to bée" in text
    assert "The question was changed. (Français)" in text
    assert "command line created the poll" in text


HOSTILE = (
    *("", "x", "-1", "99999999", "٣", "<script>", "\u202e", "a" * 5000, "%s", "{{7*7}}", "\r\n", "\x01"),
    *("2026-03-29T02:30", "zz-ZZ", "ar", "multiple", "ranked", "🙂🙂", '{"a":"\\ud800"}', "new1", "shuffled"),
)


ODD_NAMES = (
    *("lang", "option", "label:1:0", "label:new1:0", "question:1", "alt:1:0", "image:1", "retired:2", "base"),
    *("new_lang", "revision", "preview_lang", "write_in", "kind", "scale", "site"),
)


BUTTONS = (
    *("save", "draft", "publish", "correct", "version", "preview", "back", "add_option", "add_language"),
    *("up:1", "down:new1", "remove:2", "drop_language:1", "first_language:1", "drop_image:1", "nonsense"),
)


@pytest.mark.parametrize("seed", range(4))
async def test_no_form_makes_a_page_fail(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    kinds: list[dict[str, Any]] = [
        {"options": ["a", "b"], "kind": "multiple", "draft": True},
        {"options": [NewOption(emoji="🙂"), NewOption(emoji="🔥")], "kind": "reaction"},
        {"options": [], "kind": "rating", "opens_at": 4_000_000_000},
    ]
    paths = [f"/admin/polls/{await desk.add('Which?', **fields)}/edit" for fields in kinds]
    paths += ["/admin/polls/new", paths[1].replace("edit", "version")]
    forms = {path: await desk.form(path) for path in paths if path != "/admin/polls/new"}
    forms["/admin/polls/new"] = await desk.new_form()
    for _ in range(40):
        path = chance.choice(paths)
        form = list(forms[path])
        for _ in range(chance.randint(1, 5)):
            place = chance.randrange(len(form))
            match chance.randrange(3):
                case 0:
                    form[place] = (form[place][0], chance.choice(HOSTILE))
                case 1:
                    del form[place]
                case 2:
                    form.insert(place, (chance.choice(ODD_NAMES), chance.choice(HOSTILE)))
        target = chance.choice([path, path, "/admin/preview"])
        answer = await desk.http.send(target, [*form, ("do", chance.choice(BUTTONS))])
        assert answer.status in (200, 303, 400, 409, 412), (target, form, answer)
