"""What the log of edits says that polls are, from their first entry to the last: to be compared with them."""

import json
from contextlib import suppress
from typing import Any

from pollsvc.domain.log import Entry
from pollsvc.domain.poll import Poll
from pollsvc.services.editing.describing import describe, describe_option

_BEGINNINGS = frozenset({"poll.create", "poll.import"})
_PUBLISHING = frozenset({"ballots.publish", "ballots.withdraw"})
_FIELDS = (
    *("kind", "question", "lang", "picks", "allow_change", "visibility"),
    *("opens_at", "closes_at"),
)
"""What an entry names when it changes, beside options; what readers write in is in no entry."""


class Replay:
    """Takes the log's entries in order; what was before the log began is not known."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, Any]] = {}
        self._options: dict[str, dict[int, Any]] = {}
        self.published: dict[str, str] = {}
        """The SHA-256 of the ballots that are published of each poll."""

    @property
    def polls(self) -> frozenset[str]:
        """The polls that began after the log did."""
        return frozenset(self._told)

    def entry(self, entry: Entry) -> None:
        """Take the next entry; one that cannot be read is left out, since its hash tells of it."""
        kind, _, poll = entry.subject.partition(":")
        if entry.action in _PUBLISHING:
            with suppress(ValueError, AttributeError):
                self.published[poll] = json.loads(entry.after).get("sha256", "")
        if kind != "poll" or (entry.action not in _BEGINNINGS and poll not in self._told):
            return
        with suppress(ValueError, LookupError, TypeError):
            self._take(poll, json.loads(entry.before), json.loads(entry.after))

    def _take(self, poll: str, before: Any, after: Any) -> None:
        told, options = self._told.setdefault(poll, {}), self._options.setdefault(poll, {})
        told |= {name: after[name] for name in _FIELDS if name in after}
        for option in before.get("options", ()):
            options.pop(option["id"], None)
        options |= {option["id"]: option for option in after.get("options", ())}

    def differences(self, id_: str, poll: Poll | None) -> list[str]:
        """Sentences about what a poll is otherwise."""
        told = self._told.get(id_)
        if told is None:
            return []
        if poll is None:
            return ["it is not there any more, or cannot be read, and the log of edits does not say why"]
        is_, found = describe(poll, 0), []
        for name in (name for name in _FIELDS if is_[name] != told.get(name)):
            found.append(f"its {name} is {is_[name]!r}, but the log of edits says {told.get(name)!r}")
        options = {one.id: describe_option(one) for one in poll.options}
        said = self._options[id_]
        for option in sorted(options.keys() | said.keys()):
            now, then = options.get(option), said.get(option)
            written = now is not None and "write_in" in now and (then is None or "write_in" in then)
            if now != then and not written:
                found.append(f"its option {option} is {now!r}, but the log of edits says {then!r}")
        return found
