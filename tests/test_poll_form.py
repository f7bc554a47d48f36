"""The form of a poll: what is typed is asked for, what is wrong is told where it is, and nothing is lost."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import FormData, UploadFile

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Kind, OptionState, Poll, Site, Visibility
from pollsvc.domain.text import can_be_seen, folded_text
from pollsvc.services.editing.definitions import define
from pollsvc.services.editing.new_poll import NewOption, NewPoll, as_new
from pollsvc.web.admin.forms import Form
from pollsvc.web.admin.polls.asked import anew, asked, field_errors, placeheld
from pollsvc.web.admin.polls.buttons import press
from pollsvc.web.admin.polls.form import PollForm
from pollsvc.web.admin.polls.merge import merge

NOW = 1_800_000_000
SITE = Site("s", "News", frozenset({"https://news.example"}), "en", "Europe/Berlin", b"k" * 32, 10)
TEHRAN = replace(SITE, time_zone="Asia/Tehran")


def sent(form: PollForm) -> PollForm:
    """The form after a browser has sent it."""
    return PollForm.read(Form(FormData(list[tuple[str, str | UploadFile]](form.fields()))), "en")


def typed(**fields: Any) -> PollForm:
    """A form in which a question and two options were typed, and these fields."""
    start = PollForm.of(NewPoll("Who won?", ["Iran", "America"]), SITE)
    return replace(start, **fields)


def poll_of(new: NewPoll, site: Site = SITE) -> Poll:
    return define(new, site, None, NOW)


def errors(form: PollForm, before: Poll | None = None, site: Site = SITE) -> dict[str, str]:
    with pytest.raises(PollError) as error:
        asked(form, site, before, NOW, draft=False)
    assert error.value.code is Code.BAD_REQUEST
    return field_errors(form, error.value)


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(
    lambda text: text.strip() == " ".join(text.split()) == text and can_be_seen(text)
)


LANGS = st.lists(
    st.sampled_from(["en", "ar", "fa", "tr", "fr", "pt-BR"]), min_size=1, max_size=3, unique=True
)


TIME = st.none() | st.integers(0, 221_845_305_600)


@st.composite
def polls(draw: st.DrawFn) -> NewPoll:
    """Polls that can be."""
    langs = draw(LANGS)
    kind = draw(st.sampled_from(Kind))
    texts = {tag: draw(st.lists(TEXT, min_size=2, max_size=5, unique_by=folded_text)) for tag in langs}
    count = min(map(len, texts.values()))
    options = [
        NewOption(
            label={tag: texts[tag][place] for tag in langs},
            emoji=draw(st.sampled_from("🙂👍🔥")) if kind is Kind.REACTION else "",
            image=image,
            alt={langs[0]: "A map"} if image else {},
            retired=place >= 2 and draw(st.booleans()),
        )
        for place, image in enumerate(
            draw(st.lists(st.sampled_from(["", "abc"]), min_size=count, max_size=count))
        )
    ]
    active = sum(not option.retired for option in options)
    most = draw(st.integers(1, active)) if kind in (Kind.MULTIPLE, Kind.RANKED) else 1
    opens_at, closes_at = draw(TIME), draw(TIME)
    if opens_at is not None and closes_at is not None and opens_at >= closes_at:
        opens_at = None
    return NewPoll(
        question={tag: draw(TEXT) for tag in langs},
        options=[] if kind is Kind.RATING else options,
        kind=kind,
        lang=langs[0],
        min_picks=draw(st.integers(1, most)),
        max_picks=most,
        scale=draw(st.sampled_from([5, 10])) if kind is Kind.RATING else None,
        opens_at=opens_at,
        closes_at=closes_at,
        visibility=draw(st.sampled_from(Visibility)),
        allow_change=draw(st.booleans()),
        shuffle=kind is not Kind.RATING and draw(st.booleans()),
        write_in=kind in (Kind.SINGLE, Kind.MULTIPLE, Kind.RANKED) and draw(st.booleans()),
        draft=True,
    )


@given(polls(), st.sampled_from([SITE, TEHRAN, replace(SITE, time_zone="America/St_Johns")]))
@settings(max_examples=150, deadline=None)
def test_a_poll_goes_through_its_form_unchanged(new: NewPoll, site: Site) -> None:
    poll = poll_of(new, site)
    form = sent(PollForm.of(as_new(poll), site))
    again = define(asked(form, site, poll, NOW, draft=poll.draft), site, poll, NOW)
    assert replace(again, revision=poll.revision) == poll


HOSTILE = st.text(max_size=8) | st.sampled_from(
    [
        "1",
        "new1",
        "-1",
        "0",
        "99999",
        "٣",
        "new999999",
        "up:1",
        "a:b:c",
        "<script>",
        "\u202e",
        "%s",
        "2026-11-22T18:00",
    ]
)


NAMES = st.sampled_from(
    [
        *("lang", "option", "kind", "least", "most", "scale", "order", "visibility", "opens_at", "closes_at"),
        *("articles", "write_in", "allow_change", "base", "do", "question:0", "question:1", "label:1:0"),
        *("label:new1:0", "alt:1:0", "image:1", "emoji:1", "retired:1", "label:new1:1"),
    ]
)


@given(st.lists(st.tuples(NAMES, HOSTILE), max_size=30), HOSTILE, st.booleans())
@settings(max_examples=300, deadline=None)
def test_whatever_is_sent_is_understood_or_refused_at_a_field(
    fields: list[tuple[str, str]], do: str, draft: bool
) -> None:
    form = PollForm.read(Form(FormData(list[tuple[str, str | UploadFile]](fields))), "en")
    assert sent(form) == form
    pressed = press(form, do, "ar")
    if pressed:
        form = pressed[0]
    for one in (form, anew(form), placeheld(form)):
        refusal = None
        try:
            define(asked(one, SITE, None, NOW, draft=draft), SITE, None, NOW)
        except PollError as error:
            refusal = error
        if refusal is not None:
            assert refusal.code is Code.BAD_REQUEST
            assert all(field_errors(one, refusal).values())
    merge(form, PollForm.of(NewPoll("Who won?", ["Iran", "America"]), SITE))


def test_the_fields_of_a_kind_that_was_left_are_not_in_its_way() -> None:
    form = typed(kind="multiple", least="x", most="9", write_in=True, scale="7")
    assert errors(form).keys() == {"least", "most"}
    for kind in ("single", "rating", "reaction"):
        assert "most" not in errors(replace(form, kind=kind, opens_at="?"))
    rating = asked(replace(form, kind="rating", scale="10"), SITE, None, NOW, draft=False)
    assert (rating.options, rating.scale, rating.max_picks, rating.write_in) == ([], 10, None, False)


def test_blank_rows_are_no_options() -> None:
    form, focus = press(typed(), "add_option") or (None, "")
    assert form is not None
    assert focus == "label-new3-0"
    assert len(asked(form, SITE, None, NOW, draft=False).options) == 2
    assert errors(replace(form, rows=form.rows[2:])) == {
        "options": "A poll needs 2 to 50 options; 0 were given."
    }


def test_what_is_wrong_is_told_at_the_fields_in_the_order_of_the_page() -> None:
    form = typed(
        closes_at="soon", visibility="all", articles="https://news.example/a\nnews", kind="multiple", most="7"
    )
    form, _ = press(form, "add_language", "ar") or (form, "")
    form = replace(form, rows=(form.rows[0], replace(form.rows[1], labels=("Iran", "أمريكا"))))
    found = errors(form)
    assert list(found) == [
        *("question:1", "label:new1:1", "label:new2:0", "most", "visibility", "closes_at", "articles")
    ]
    assert found["label:new2:0"] == "Two options have the same label; give each its own."


def test_an_error_of_an_image_that_is_gone_stands_at_its_file() -> None:
    error = PollError(Code.BAD_REQUEST, "There is no image.", details={"field": "options.2.image"})
    assert field_errors(typed(), error) == {"file:new2": "There is no image."}


def test_rows_move_by_their_buttons() -> None:
    form = PollForm.of(NewPoll("Who won?", ["a", "b", "c"]), SITE)

    def order(do: str) -> tuple[str, str]:
        found, focus = press(form, do) or (form, "")
        return "".join(row.labels[0] for row in found.rows), focus

    assert order("up:new2") == ("bac", "down-new2")
    assert order("up:new3") == ("acb", "up-new3")
    assert order("down:new1") == ("bac", "down-new1")
    assert order("down:new2") == ("acb", "up-new2")
    assert order("up:new1") == ("abc", "down-new1")
    assert order("remove:new2") == ("ac", "options")
    assert order("remove:new9") == ("abc", "options")
    assert press(form, "save") is None


def test_languages_come_go_and_become_the_first() -> None:
    form = typed()
    form, focus = press(form, "add_language", " ar ") or (form, "")
    assert (form.langs, focus) == (("en", "ar"), "question-1")
    assert press(form, "add_language", "ar") == (form, "new_lang")
    form = replace(form, questions=("Who won?", "من انتصر؟"))
    form = replace(form, rows=tuple(replace(row, labels=(row.labels[0], f"ع{row.key}")) for row in form.rows))
    swapped, _ = press(form, "first_language:1") or (form, "")
    assert (swapped.langs, swapped.questions) == (("ar", "en"), ("من انتصر؟", "Who won?"))
    assert swapped.rows[0].labels == ("عnew1", "Iran")
    assert asked(swapped, SITE, None, NOW, draft=True).lang == "ar"
    dropped, _ = press(swapped, "drop_language:1") or (form, "")
    assert (dropped.langs, dropped.rows[0].labels) == (("ar",), ("عnew1",))
    assert press(dropped, "drop_language:0") == (dropped, "question-0")


def test_one_language_twice_is_told_of() -> None:
    form = replace(typed(), langs=("en", "en"), questions=("a", "b"))
    form = replace(form, rows=form.padded(2))
    assert "twice" in errors(form)["lang:0"]


def test_a_new_version_has_options_of_its_own() -> None:
    poll = poll_of(NewPoll("Who won?", ["Iran", "America", NewOption("Neither")]))
    gone = replace(poll.options[2], state=OptionState.RETIRED)
    form = PollForm.of(as_new(replace(poll, options=(*poll.options[:2], gone))), SITE)
    new = asked(anew(form), SITE, None, NOW, draft=False)
    assert [(one.id, one.label) for one in new.options if isinstance(one, NewOption)] == [
        (None, {"en": "Iran"}),
        (None, {"en": "America"}),
    ]


def test_what_is_missing_is_filled_in_for_the_preview() -> None:
    poll = poll_of(asked(placeheld(PollForm.empty("ar")), SITE, None, NOW, draft=False))
    assert (poll.question, len(poll.options)) == ({"ar": "…"}, 2)
    started = replace(PollForm.empty("en"), questions=("Who won?",), kind="reaction")
    poll = poll_of(asked(placeheld(started), SITE, None, NOW, draft=False))
    assert poll.question == {"en": "Who won?"}
