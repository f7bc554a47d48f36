"""What a poll can be: kinds, languages, schedules; and what is told of one that cannot be."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pollsvc.domain.clock import parse_time
from pollsvc.domain.errors import PollError
from pollsvc.domain.poll import Kind, Option, OptionState, Poll, Site
from pollsvc.domain.tally import results_of
from pollsvc.services.editing.anew import anew
from pollsvc.services.editing.definitions import define
from pollsvc.services.editing.new_poll import NewOption, NewPoll, as_new
from pollsvc.services.write_ins import _option_of

SITE = Site("site", "News", frozenset({"https://news.example"}), "en", "UTC", b"k" * 32, 10)
NOW = 1_800_000_000


def poll_of(question: Any = "Who won?", options: Any = ("Iran", "America"), **more: Any) -> Poll:
    return define(NewPoll(question, options, **more), SITE, None, NOW)


def problems_of(
    question: Any = "Who won?", options: Any = ("Iran", "America"), **more: Any
) -> dict[str, str]:
    """What is told, by field."""
    with pytest.raises(PollError) as error:
        poll_of(question, options, **more)
    errors: Any = error.value.details["errors"]
    return {problem["field"]: problem["message"] for problem in errors}


def test_texts_in_several_languages() -> None:
    options = [{"en": "Iran", "ar": "إيران"}, {"en": "America", "ar": "أمريكا"}]
    poll = poll_of({"en": "Who won?", "ar": "من انتصر؟"}, [NewOption(label) for label in options])
    assert poll.langs == ("en", "ar")
    assert [poll.best_lang(tag) for tag in ("ar-EG", "AR", "fr", "en-GB")] == ["ar", "ar", "en", "en"]


def test_a_language_has_one_spelling() -> None:
    poll = poll_of(
        {"EN": "Who?", "zh-hANT-tw": "谁？"},
        [NewOption({"en": "A", "ZH-hant-TW": "一"}), "B"],
        lang="En",
        draft=True,
    )
    assert (poll.lang, poll.langs) == ("en", ("en", "zh-Hant-TW"))
    assert poll.options[0].label == {"en": "A", "zh-Hant-TW": "一"}
    assert "question.EN" in problems_of({"en": "Who?", "EN": "Who?"})


def test_a_draft_may_wait_for_its_translations() -> None:
    question, options = {"en": "Who?", "ar": "من؟"}, [NewOption({"en": "A", "ar": " "}), NewOption("B")]
    draft = poll_of(question, options, draft=True)
    assert [option.label for option in draft.options] == [{"en": "A"}, {"en": "B"}]
    assert set(problems_of(question, options)) == {"options.1.label.ar", "options.2.label.ar"}


def test_every_problem_is_told_with_its_field() -> None:
    found = problems_of(
        {"en": "Who?", "ar": " ", "xx": "?"},
        [NewOption({"en": "A", "ar": "ا"}), NewOption({"en": "A"}), NewOption("B" * 200, emoji="👍")],
        closes_at=5,
        opens_at=5,
        max_picks=2,
    )
    assert set(found) == {
        *("question.ar", "question.xx", "options.1.label.xx", "options.2.label.ar", "options.2.label.xx"),
        *("options.2.label.en", "options.3.emoji", "options.3.label.en", "options.3.label.ar"),
        *("options.3.label.xx", "picks", "closes_at"),
    }


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"options": ["A"]}, "options"),
        ({"options": ["A", "A"]}, "options.2.label.en"),
        ({"options": ["Iran", "IRAN"]}, "options.2.label.en"),
        ({"options": ["Iran", "Iran\u200b"]}, "options.2.label.en"),
        ({"question": "\u200b\u3164"}, "question.en"),
        ({"lang": "en@calendar=x"}, "lang"),
        ({"kind": Kind.RATING, "scale": 10**12}, "scale"),
        ({"options": [str(number) for number in range(51)]}, "options"),
        ({"options": [str(number) for number in range(21)], "kind": Kind.RANKED}, "options"),
        ({"lang": "english"}, "lang"),
        ({"question": {"fr": "Qui ?"}}, "question.en"),
        ({"question": "a\ud800"}, "question.en"),
        ({"kind": Kind.RATING, "scale": 7}, "scale"),
        ({"kind": Kind.RATING, "write_in": True}, "write_in"),
        (
            {"kind": Kind.REACTION, "options": [NewOption(emoji="👍"), NewOption(emoji="x")]},
            "options.2.emoji",
        ),
        ({"kind": Kind.SINGLE, "max_picks": 2}, "picks"),
        ({"kind": Kind.MULTIPLE, "max_picks": 3}, "picks"),
        ({"options": [NewOption("A", image="i"), NewOption("B")]}, "options.1.alt.en"),
        ({"options": [NewOption("A", id=1), NewOption("B")]}, "options.1.id"),
        ({"closes_at": 10**12}, "closes_at"),
    ],
)
def test_a_poll_that_cannot_be(more: dict[str, Any], field: str) -> None:
    assert field in problems_of(**more)


def test_a_rating_makes_its_options() -> None:
    poll = poll_of(options=(), kind=Kind.RATING, scale=10, shuffle=True)
    assert [(option.id, option.label["en"]) for option in poll.options] == [(n, str(n)) for n in range(1, 11)]
    assert not poll.shuffle
    results = results_of(
        poll, 1, {("10", "counted", ""): 1, ("4", "counted", ""): 2, ("1", "held", "pace"): 5}
    )
    assert (results.mean, results.voters, results.held) == (6.0, 3, 5)


def test_a_reaction_is_named_by_its_emoji() -> None:
    names = [NewOption(emoji="👍"), NewOption({"en": "Sad", "ar": "حزين"}, emoji="😢")]
    poll = poll_of({"en": "How?", "ar": "كيف؟"}, names, kind=Kind.REACTION)
    assert poll.options[0].label["en"] == "thumbs up"
    assert poll.options[0].label["ar"] != "thumbs up"
    assert poll.options[1].label["en"] == "Sad"


def test_one_problem_of_an_emoji_is_told_once() -> None:
    options = [NewOption(emoji="👍"), NewOption(emoji="x"), NewOption(emoji="y")]
    assert set(problems_of("How?", options, kind=Kind.REACTION)) == {"options.2.emoji", "options.3.emoji"}


def test_a_retired_option_is_no_twin_wherever_it_stands() -> None:
    retired = NewOption("A", retired=True)
    for options in ([retired, "A", "B"], ["A", retired, "B"]):
        assert len(poll_of(options=options).active_options) == 2


def test_write_ins_count_where_an_editor_puts_them() -> None:
    written = [
        Option(3, {"en": "iran"}, OptionState.MERGED, write_in="iran", merged_into=1),
        Option(4, {"en": "Oman"}, OptionState.ACTIVE, write_in="oman"),
        Option(5, {"en": "?"}, OptionState.PENDING, write_in="?"),
        Option(6, {"en": "spam"}, OptionState.REJECTED, write_in="spam"),
        Option(7, {"en": "Old"}, OptionState.RETIRED),
    ]
    base = poll_of(kind=Kind.MULTIPLE, max_picks=2, write_in=True)
    poll = replace(base, options=(*base.options, *written))
    assert poll.option_ids == {1, 2, 3, 4, 5, 6}
    totals = {
        ("1,3", "counted", ""): 2,
        ("3", "counted", ""): 1,
        ("4,5", "counted", ""): 4,
        ("5,6", "counted", ""): 8,
    }
    results = results_of(poll, 1, totals)
    assert results.options == {1: 3, 2: 0, 4: 4}
    assert results.other == 12  # each ballot once, though it holds two of them
    assert results.voters == 15


def test_a_poll_asked_for_anew_has_room_for_so_many_write_ins() -> None:
    written = [Option(id_, {"en": f"Text {id_}"}, write_in=f"text {id_}") for id_ in range(50, 54)]
    base = poll_of(options=list(map(str, range(49))), kind=Kind.MULTIPLE)
    poll = replace(base, options=(*base.options, *written))
    copy = define(anew(as_new(poll), poll), SITE, None, NOW)
    assert [option.label["en"] for option in copy.options] == [*map(str, range(49)), "Text 50"]


def test_nobody_votes_for_what_was_merged_into_a_retired_option() -> None:
    merged = [
        Option(number, {"en": f"{number}"}, OptionState.MERGED, write_in=f"{number}", merged_into=into)
        for number, into in ((4, 5), (5, 3), (6, 1))
    ]
    base = poll_of(options=["Iran", "America", NewOption("Nobody", retired=True)], write_in=True)
    poll = replace(base, options=(*base.options, *merged))
    assert poll.folds == {4: 3, 5: 3, 6: 1}
    assert poll.option_ids == {1, 2, 6}
    with pytest.raises(PollError, match="no longer be chosen"):
        _option_of(poll, "4")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-07-01T12:00", 1_782_900_000),
        ("2026-07-01T12:00Z", 1_782_907_200),
        ("2026-10-25T02:30", 1_792_888_200),  # shown twice: the first is meant
    ],
)
def test_a_schedule_is_in_the_sites_time_zone(text: str, seconds: int) -> None:
    assert parse_time(text, ZoneInfo("Europe/Berlin")) == seconds


def test_a_time_that_the_clocks_leap_over() -> None:
    with pytest.raises(ValueError, match="does not exist"):
        parse_time("2026-03-29T02:30", ZoneInfo("Europe/Berlin"))
