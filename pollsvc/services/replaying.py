"""What the log of edits says that polls and sites are, from their first entry on, to compare."""

import json
from contextlib import suppress
from typing import Any

from pollsvc.domain.log import Entry
from pollsvc.domain.mac import fingerprint
from pollsvc.domain.poll import Poll, Site
from pollsvc.services.editing.describing import describe, describe_option
from pollsvc.services.editing.sites import describe_site

_BEGINNINGS = frozenset({"poll.create", "poll.import", "site.add"})
_PUBLISHING = frozenset({"ballots.publish", "ballots.withdraw"})
_FIELDS = frozenset(
    {
        *("kind", "question", "lang", "picks", "allow_change", "visibility", "opens_at", "closes_at", "key"),
        *("name", "origins", "locale", "time_zone", "percent_from", "policy", "paces", "vouching"),
    }
)
"""What an entry names when it changes, beside options and articles; what readers write in is in none until
it is decided."""

_Told = dict[str, Any]


class Replay:
    """Takes the log's entries in order; what was before the log began is not known."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}  # by subject, such as `poll:ID`
        self.published: dict[str, str] = {}
        """The SHA-256 of the ballots that are published of each poll."""

    @property
    def polls(self) -> frozenset[str]:
        """The polls that began after the log did."""
        return self._began("poll")

    @property
    def sites(self) -> frozenset[str]:
        """The sites that began after the log did."""
        return self._began("site")

    def entry(self, entry: Entry) -> None:
        """Take the next entry; one that cannot be read is left out, since its hash tells of it."""
        kind, _, id_ = entry.subject.partition(":")
        if entry.action in _PUBLISHING:
            with suppress(ValueError, AttributeError):
                self.published[id_] = json.loads(entry.after).get("sha256", "")
        if kind in {"poll", "site"} and (entry.action in _BEGINNINGS or entry.subject in self._told):
            told = self._told.setdefault(entry.subject, {"options": {}, "articles": set()})
            with suppress(ValueError, LookupError, TypeError):
                _take(told, entry.action, json.loads(entry.before), json.loads(entry.after))

    def differences(self, id_: str, poll: Poll | None) -> list[str]:
        """Sentences about what a poll is otherwise."""
        told = self._told.get(f"poll:{id_}")
        if told is None:
            return []
        if poll is None:
            return [_GONE]
        found = _different(told, describe(poll, 0) | {"key": fingerprint(poll.key)})
        if told["articles"] != poll.placements.keys():
            found.append(
                f"it stands on {sorted(poll.placements)!r}, but the log of edits says on "
                f"{sorted(told['articles'])!r}"
            )
        options = {one.id: describe_option(one) for one in poll.options}
        said = told["options"]
        for option in sorted(options.keys() | said.keys()):
            now, then = options.get(option), said.get(option)
            waits = then is None and now is not None and "write_in" in now and now["state"] == "pending"
            if now != then and not waits:
                found.append(f"its option {option} is {now!r}, but the log of edits says {then!r}")
        return found

    def differences_of_site(self, id_: str, site: Site | None) -> list[str]:
        """Sentences about what a site is otherwise."""
        told = self._told.get(f"site:{id_}")
        if told is None:
            return []
        if site is None:
            return [_GONE]
        return _different(told, describe_site(site) | {"key": fingerprint(site.key)})

    def _began(self, kind: str) -> frozenset[str]:
        return frozenset(
            id_ for begun, _, id_ in (each.partition(":") for each in self._told) if begun == kind
        )


_GONE = "it is not there any more, or cannot be read, and the log of edits does not say why"


def _take(told: _Told, action: str, before: Any, after: Any) -> None:
    """Take in what an entry says of its subject."""
    told |= {name: after[name] for name in _FIELDS if name in after}
    for option in before.get("options", ()):
        told["options"].pop(option["id"], None)
    told["options"] |= {option["id"]: option for option in after.get("options", ())}
    told["articles"] |= {*after.get("articles", ())}
    match action:
        case "poll.attach":
            told["articles"].add(after["article"])
        case "poll.detach":
            told["articles"].discard(before["article"])
        case "poll.replace":  # the new version has taken its places
            told["articles"].clear()
        case "poll.purge" if "key" in told:
            told["key"] = fingerprint(b"")


def _different(told: _Told, is_: dict[str, object]) -> list[str]:
    """Sentences about the fields that are not as they were told; a key that was not told is not known."""
    return [
        f"its {name} is {is_[name]!r}, but the log of edits says {told.get(name)!r}"
        for name in sorted(_FIELDS & is_.keys())
        if is_[name] != told.get(name) and (name != "key" or name in told)
    ]
