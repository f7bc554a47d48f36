"""Reviewing what readers wrote in: each text becomes an option, counts for one, or stays unnamed.

No ballot is touched: a text is an option of its own from the start, and only its state changes, so that
each decision can be taken back.
"""

from collections.abc import Callable
from dataclasses import replace

from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.poll import Option, OptionState, Poll, say
from pollsvc.domain.text import folded_text, one_line
from pollsvc.services.editing.definitions import MAX_LABEL
from pollsvc.services.editing.editing import Editing

_UNNAMED = (OptionState.PENDING, OptionState.REJECTED, OptionState.MERGED)


class Reviewing:
    """An editor's decisions on a poll's write-ins. Bad input raises PollError."""

    def __init__(self, editing: Editing) -> None:
        self._editing = editing

    async def approve(
        self, poll: str, option: int, label: str | None = None, revision: int | None = None
    ) -> Poll:
        """Make a write-in an option that readers can pick, with another label if one is given."""

        def edit(before: Poll, written: Option) -> Option:
            kept = say(written.label, before.lang, before.lang)
            text = one_line(label, "label", MAX_LABEL) if label else kept
            labels = {folded_text(other.label.get(before.lang, "")) for other in before.shown_options}
            if folded_text(text) in labels:
                raise bad(f"There is an option {text!r} already; merge the answer into it.", "label")
            labels_by_lang = dict.fromkeys(before.langs, text)
            return replace(written, state=OptionState.ACTIVE, label=labels_by_lang, merged_into=None)

        return await self._change(poll, option, "poll.approve_write_in", edit, revision)

    async def merge(self, poll: str, option: int, into: int, revision: int | None = None) -> Poll:
        """Count a write-in for an option that readers see; a voter who picked both counts once."""

        def edit(before: Poll, written: Option) -> Option:
            if into not in {other.id for other in before.shown_options}:
                raise bad(f"Option {into} is none that readers see; choose one of those.", "into")
            return replace(written, state=OptionState.MERGED, merged_into=into)

        return await self._change(poll, option, "poll.merge_write_in", edit, revision)

    async def reject(self, poll: str, option: int, revision: int | None = None) -> Poll:
        """Leave a write-in unnamed; its votes count as other answers."""

        def edit(_: Poll, written: Option) -> Option:
            return replace(written, state=OptionState.REJECTED, merged_into=None)

        return await self._change(poll, option, "poll.reject_write_in", edit, revision)

    async def _change(
        self,
        poll: str,
        option: int,
        action: str,
        edit: Callable[[Poll, Option], Option],
        revision: int | None,
    ) -> Poll:
        def change(before: Poll, _: int) -> Poll:
            written = next(
                (
                    one
                    for one in before.options
                    if one.id == option and one.write_in is not None and one.state in _UNNAMED
                ),
                None,
            )
            if written is None:
                raise PollError(
                    Code.NOT_POSSIBLE_NOW,
                    f"Option {option} is no write-in that waits, or somebody has approved it meanwhile.",
                )
            decided = edit(before, written)
            options = tuple(decided if one is written else one for one in before.options)
            return replace(before, options=options, revision=before.revision + 1)

        return await self._editing.change(poll, action, change, revision)
