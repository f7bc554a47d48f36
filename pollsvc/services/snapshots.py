"""An immutable rendered result of a poll: what readers, caches and live streams are sent.

A snapshot is made when something changed and then only copied: the same bytes for everybody.
"""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import NamedTuple

from msgspec.json import Encoder

from pollsvc.domain.article import origin_of
from pollsvc.domain.clock import rfc3339
from pollsvc.domain.poll import Kind, Option, OptionState, Poll, State, direction, say
from pollsvc.domain.tally import Tally
from pollsvc.services.strings import Strings

dump = Encoder().encode
"""Returns a value as compact JSON in UTF-8."""


class Publisher(NamedTuple):
    """What every snapshot needs beside its poll: where the service is, and the words for readers."""

    base_url: str
    strings: Strings

    @property
    def origin(self) -> str:
        """The service's own origin, whose pages may vote too."""
        return origin_of(self.base_url) or ""


class Langs(NamedTuple):
    """The languages of a poll as it is shown: of the words around it, and of its own texts."""

    words: str
    texts: str


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
    """One poll at one version and state, rendered for each audience when it is first asked for.

    `tally` is what it was made of; that moves on, so that it may be of a later version by now.
    """

    def __init__(self, tally: Tally, now: float, publisher: Publisher) -> None:
        self.tally = tally
        self.poll = tally.poll
        self.version = tally.version
        self.results = tally.results()
        self.state = self.poll.state(now)
        self.until = self.poll.next_change(now)
        self._publisher = publisher
        self._bodies: dict[Langs, Body] = {}

    def langs(self, wanted: str | None) -> "Langs":
        """The languages for a reader who wants one: the poll's texts as wanted, and the words around them."""
        texts = self.poll.best_lang(wanted) if wanted else self.poll.lang
        words = self._publisher.strings.choose(wanted or "", texts, self.poll.site.locale)
        return Langs(words, texts)

    def body(self, langs: "Langs") -> Body:
        """The poll for everybody, in languages from `langs()`."""
        body = self._bodies.get(langs)
        if body is None:
            strings = self._publisher.strings.for_widget(self.poll, langs.words)
            definition = definition_of(self.poll, langs.texts, self._publisher)
            body = Body.of(self._moving() | definition | {"results": self.public, "strings": strings})
            self._bodies[langs] = body
        return body

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
        return self.version if self.poll.shows_results(self.state, voted=False) else 0

    def looks_like(self, other: "Snapshot") -> bool:
        """Whether a live event of the one would tell readers nothing that one of the other does not."""
        return self._seen == other._seen

    @property
    def _seen(self) -> tuple[object, ...]:
        """All that the frame depends on: results differ just when their versions do."""
        return self.frame_id, self.state, self.poll.opens_at, self.poll.closes_at

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


def definition_of(poll: Poll, lang: str, publisher: Publisher) -> dict[str, object]:
    """What of a poll does not move with its votes or its schedule, as JSON values in one of its languages.

    `origins` are those whose pages may vote; `rare` says that the widget needs its second file.
    """
    base_url = publisher.base_url
    replaced_by = poll.replaced_by and {"id": poll.replaced_by, "url": f"{base_url}/p/{poll.replaced_by}"}
    return {
        "site": poll.site.id,
        "kind": poll.kind,
        "question": {"text": poll.question[lang], "lang": lang, "dir": direction(lang)},
        "langs": poll.langs,
        "options": [_option(option, poll, lang, base_url) for option in poll.active_options],
        "retired": [
            _option(option, poll, lang, base_url)
            for option in poll.options
            if option.state is OptionState.RETIRED
        ],
        "picks": {"min": poll.min_picks, "max": poll.max_picks},
        "order": "shuffled" if poll.shuffle else "fixed",
        "write_in": poll.write_in,
        "origins": sorted({*poll.site.origins, publisher.origin}),
        "rare": _is_rare(poll),
        "visibility": poll.visibility,
        "allow_change": poll.allow_change,
        "percent_from": poll.site.percent_from,
        "replaced_by": replaced_by,
        "live": f"{base_url}/api/v1/live?poll={poll.id}",
        "url": f"{base_url}/p/{poll.id}",
        "verify_url": f"{base_url}/p/{poll.id}/verify#",
    }


def _is_rare(poll: Poll) -> bool:
    """Whether a poll is more than a list of answers in writing, shown as it was written."""
    return (
        poll.kind not in (Kind.SINGLE, Kind.MULTIPLE)
        or poll.write_in
        or poll.shuffle
        or poll.replaced_by is not None
        or any(
            option.emoji or option.image or option.state is not OptionState.ACTIVE for option in poll.options
        )
    )


def image_url(base_url: str, image: str) -> str:
    """Where readers find an image."""
    return f"{base_url}/i/{image}"


def _option(option: Option, poll: Poll, lang: str, base_url: str) -> dict[str, object]:
    shown: dict[str, object] = {"id": option.id, "label": say(option.label, lang, poll.lang)}
    if option.emoji:
        shown["emoji"] = option.emoji
    if option.image:
        shown["image"] = {
            "url": image_url(base_url, option.image),
            "alt": say(option.alt, lang, poll.lang),
        }
    return shown


def at(body: bytes, now: float) -> bytes:
    """A JSON object with the member `now` put first: the one thing that changes without a version."""
    return b'{"now":"%b",%b' % (_second(int(now)), body[1:])


@lru_cache(maxsize=16)
def _second(now: int) -> bytes:
    return rfc3339(now).encode()
