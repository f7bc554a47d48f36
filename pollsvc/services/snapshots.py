"""An immutable rendered result of a poll: what readers, caches and live streams are sent.

A snapshot is made when something changed and then only copied: the same bytes for everybody.
"""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import NamedTuple

from msgspec.json import Encoder

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.poll import Poll, State, direction
from pollsvc.domain.tally import Results, Totals, results_of
from pollsvc.services.strings import Strings

dump = Encoder().encode
"""Returns a value as compact JSON in UTF-8."""


class Publisher(NamedTuple):
    """What every snapshot needs beside its poll: where the service is, and the words for readers."""

    base_url: str
    strings: Strings


class Body(NamedTuple):
    """A JSON object without its member `now`, and its weak validator (RFC 9110, section 8.8.1).

    The validator is made of the bytes, so that it tells no more than they do.
    """

    json: bytes
    etag: str

    @classmethod
    def of(cls, value: Mapping[str, object]) -> "Body":
        """The body that says this value."""
        json = dump(value)
        return cls(json, f'W/"{blake2b(json, digest_size=12).hexdigest()}"')

    def at(self, now: float) -> bytes:
        """The body with the server's time in it, in whole seconds."""
        return at(self.json, now)


class Snapshot:
    """One poll at one version and state, rendered for each audience when it is first asked for."""

    def __init__(self, poll: Poll, version: int, totals: Totals, now: float, publisher: Publisher) -> None:
        self.poll = poll
        self.version = version
        self.totals = totals
        self.state = poll.state(now)
        self.until = poll.next_change(now)
        self._publisher = publisher
        self._bodies: dict[str, Body] = {}

    def lang(self, wanted: str | None) -> str:
        """The language of the words around the poll: as wanted, else the poll's, else the site's."""
        return self._publisher.strings.choose(wanted or "", self.poll.lang, self.poll.site.locale)

    def body(self, lang: str) -> Body:
        """The poll for everybody, with the strings of a language from `lang()`."""
        body = self._bodies.get(lang)
        if body is None:
            strings = self._publisher.strings.by_lang[lang]
            body = Body.of(self._definition() | {"results": self.public, "strings": strings})
            self._bodies[lang] = body
        return body

    @cached_property
    def results(self) -> Results:
        return results_of(self.version, (option.id for option in self.poll.options), self.totals)

    @cached_property
    def public(self) -> Mapping[str, object] | None:
        """The results as everybody may see them."""
        return self._visible(voted=False)

    @cached_property
    def voted(self) -> Mapping[str, object] | None:
        """The results as those who voted may see them."""
        return self._visible(voted=True)

    @cached_property
    def voted_body(self) -> Body:
        """What the results address of those who voted answers."""
        return Body.of(self._moving() | {"results": self.voted})

    @cached_property
    def frame(self) -> bytes:
        """The `data` of a live event, for everybody."""
        return dump(self._moving() | {"results": self.public})

    @property
    def frame_id(self) -> int:
        """The `id` of a live event: the version, or 0 where the results are hidden and with them the pace."""
        return self.version if self.public is not None else 0

    @cached_property
    def results_url(self) -> str | None:
        """Where those who voted find results that others do not see; None where there is no difference."""
        if not self.poll.shows_results(State.OPEN, voted=True) or self.poll.shows_results(
            State.OPEN, voted=False
        ):
            return None
        return f"{self._publisher.base_url}/api/v1/polls/{self.poll.id}/results/{self.poll.results_key}"

    @cached_property
    def voted_tail(self) -> bytes:
        """The end of a vote's answer, the same for all who voted: results and their address."""
        return dump({"results": self.voted, "results_url": self.results_url})[1:]

    def _visible(self, *, voted: bool) -> Mapping[str, object] | None:
        return self.results.as_json() if self.poll.shows_results(self.state, voted=voted) else None

    def _moving(self) -> dict[str, object]:
        poll = self.poll
        return {
            "id": poll.id,
            "state": self.state,
            "opens_at": None if poll.opens_at is None else rfc3339(poll.opens_at),
            "closes_at": None if poll.closes_at is None else rfc3339(poll.closes_at),
        }

    def _definition(self) -> dict[str, object]:
        poll, base = self.poll, self._publisher.base_url
        return self._moving() | {
            "site": poll.site.id,
            "kind": poll.kind,
            "question": {"text": poll.question, "lang": poll.lang, "dir": direction(poll.lang)},
            "options": [{"id": option.id, "label": option.label} for option in poll.options],
            "picks": {"min": poll.min_picks, "max": poll.max_picks},
            "visibility": poll.visibility,
            "allow_change": poll.allow_change,
            "percent_from": poll.site.percent_from,
            "live": f"{base}/api/v1/live?poll={poll.id}",
            "url": f"{base}/p/{poll.id}",
        }


def at(body: bytes, now: float) -> bytes:
    """A JSON object with the member `now` put first: the one thing that changes without a version."""
    return b'{"now":"%b",%b' % (_second(int(now)), body[1:])


@lru_cache(maxsize=16)
def _second(now: int) -> bytes:
    return rfc3339(now).encode()
