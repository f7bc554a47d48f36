"""When two editors change a poll at once, the form holds the changes of both."""

from dataclasses import replace
from typing import Any

from pollsvc.domain.poll import Poll
from pollsvc.services.editing.definitions import define
from pollsvc.services.editing.new_poll import NewPoll, as_new
from pollsvc.web.admin.polls.asked import asked
from pollsvc.web.admin.polls.buttons import press
from pollsvc.web.admin.polls.form import PollForm
from pollsvc.web.admin.polls.merge import merge
from tests.test_poll_form import NOW, SITE, poll_of, sent


class Editors:
    """Two editors who opened the same poll."""

    def __init__(self, new: NewPoll) -> None:
        self.poll = poll_of(new)
        self.opened = PollForm.of(as_new(self.poll), SITE)

    def saved(self, form: PollForm) -> Poll:
        return define(asked(form, SITE, self.poll, NOW, draft=self.poll.draft), SITE, self.poll, NOW)

    def then(self, theirs: PollForm, yours: PollForm) -> tuple[PollForm, dict[str, Any]]:
        """Your form once theirs is saved, and what clashed."""
        now = PollForm.of(as_new(self.saved(theirs)), SITE)
        merged = merge(sent(yours), now)
        assert merged.form.base == now.base
        return merged.form, {clash.name: clash[1:] for clash in merged.clashes}


def relabelled(form: PollForm, place: int, label: str) -> PollForm:
    rows = list(form.rows)
    rows[place] = replace(rows[place], labels=(label, *rows[place].labels[1:]))
    return replace(form, rows=tuple(rows))


def test_changes_of_two_editors_to_different_fields_both_stay() -> None:
    two = Editors(NewPoll("Who won?", ["Iran", "America"], closes_at=NOW + 3600))
    theirs = relabelled(replace(two.opened, closes_at="2027-01-20T10:00", allow_change=True), 0, "Persia")
    yours = replace(two.opened, questions=("Who lost?",))
    form, clashes = two.then(theirs, yours)
    assert (form.questions, form.closes_at, form.allow_change) == (("Who lost?",), "2027-01-20T10:00", True)
    assert [row.labels for row in form.rows] == [("Persia",), ("America",)]
    assert clashes["label:1:en"] == ("Iran", "Persia", "Iran", True)
    assert {name for name, clash in clashes.items() if not clash[-1]} == set()


def test_where_two_editors_changed_the_same_yours_stays_in_the_form_and_theirs_is_shown() -> None:
    two = Editors(NewPoll("Who won?", ["Iran", "America"]))
    form, clashes = two.then(
        replace(two.opened, questions=("Who has won?",)), replace(two.opened, questions=("Who lost?",))
    )
    assert form.questions == ("Who lost?",)
    assert clashes == {"question:en": ("Who won?", "Who has won?", "Who lost?", False)}
    same, clashes = two.then(*[replace(two.opened, questions=("Who has won?",))] * 2)
    assert (same.questions, clashes) == (("Who has won?",), {})


def test_options_and_languages_that_either_editor_added_stay() -> None:
    two = Editors(NewPoll("Who won?", ["Iran", "America"]))
    theirs = relabelled((press(two.opened, "add_option") or (two.opened, ""))[0], 2, "Neither")
    theirs, _ = press(theirs, "add_language", "fr") or (theirs, "")
    theirs = replace(theirs, questions=("Who won?", "Qui ?"))
    theirs = replace(theirs, rows=tuple(replace(r, labels=(r.labels[0], "f" + r.key)) for r in theirs.rows))
    yours = relabelled((press(two.opened, "add_option") or (two.opened, ""))[0], 2, "Both")
    yours, _ = press(yours, "up:new1") or (yours, "")
    form, _ = two.then(theirs, yours)
    assert form.langs == ("en", "fr")
    assert [row.labels[0] for row in form.rows] == ["Iran", "Both", "America", "Neither"]
    assert [row.key for row in form.rows] == ["1", "new1", "2", "3"]
    assert [row.labels[1] for row in form.rows] == ["f1", "", "f2", "fnew1"]


def test_an_option_of_a_draft_that_the_other_deleted_stays_only_if_you_changed_it() -> None:
    two = Editors(NewPoll("Who won?", ["Iran", "America", "Neither"], draft=True))
    without = (press(two.opened, "remove:3") or (two.opened, ""))[0]
    form, _ = two.then(without, replace(two.opened, allow_change=True))
    assert [row.key for row in form.rows] == ["1", "2"]
    form, _ = two.then(without, relabelled(two.opened, 2, "Both of them"))
    assert [(row.key, row.labels) for row in form.rows][2:] == [("new1", ("Both of them",))]


def test_merged_orders_are_theirs_where_you_left_them_alone() -> None:
    two = Editors(NewPoll("Who won?", ["a", "b", "c"]))
    theirs = (press(two.opened, "up:3") or (two.opened, ""))[0]
    form, clashes = two.then(theirs, replace(two.opened, allow_change=True))
    assert [row.key for row in form.rows] == ["1", "3", "2"]
    assert clashes["options"][-1]
    form, clashes = two.then(theirs, (press(two.opened, "up:2") or (two.opened, ""))[0])
    assert [row.key for row in form.rows] == ["2", "1", "3"]
    assert not clashes["options"][-1]
