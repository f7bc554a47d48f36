"""What the page of a poll shows, ready for its template."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.mac import encode
from pollsvc.domain.poll import Kind, Policy, Poll, State, direction, say
from pollsvc.domain.selection import folded
from pollsvc.services.admission import Admission
from pollsvc.services.embed import site_url, with_query
from pollsvc.services.image_cache import ImageCache
from pollsvc.services.result_words import Text, answers_of, label_of, mean_of, question_of
from pollsvc.services.rounds import Rounds
from pollsvc.services.snapshots import Snapshot, image_url
from pollsvc.services.tallies import Tallies
from pollsvc.services.voting import Vote
from pollsvc.services.widget_words import hint_of
from pollsvc.services.words import Words, language_name
from pollsvc.services.write_ins import MAX_TEXT
from pollsvc.web.pages.ballot_form import Filled
from pollsvc.web.pages.poll_words import TOLD, facts_of, refusal_of, thanks_for, uncounted_of
from pollsvc.web.pages.result_view import Line, Picture, Table, caption_of, lines_of, table_of
from pollsvc.web.pages.sharing import Share, ways_to_share


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that was sent, and what came of it: a vote or an error; without either, a page to be filled."""

    filled: Filled = field(default_factory=Filled)
    key: str | None = None
    vote: Vote | None = None
    error: PollError | None = None

    @property
    def voted(self) -> bool:
        """Whether the reader has a vote in the poll."""
        return self.vote is not None or (self.error is not None and self.error.code is Code.ALREADY_VOTED)

    def picks(self, poll: Poll) -> list[int]:
        """What the reader's vote counts for, in its order; 0 is another answer."""
        if self.vote is not None:
            return folded(self.vote.ballot.selection, poll.folds)
        if self.error is not None and self.error.code is Code.ALREADY_VOTED:
            standing: Sequence[int] = self.error.details["selection"]  # type: ignore[assignment]
            return [poll.folds.get(option, option) for option in standing]
        return []


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer in the form, and what the reader did with it."""

    id: int
    label: Text
    emoji: str
    picture: Picture | None
    checked: bool
    rank: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a page of ours, after a text that says why it is there."""

    why: str
    url: str
    text: Text
    current: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """The form. `ranks` are the numbers to give, with how they are written; `key` makes its vote one."""

    action: str
    key: str
    many: bool
    pictured: bool
    hint: str
    choices: Sequence[Choice]
    ranks: Sequence[tuple[int, str]]
    filled: Filled
    max_text: str


@dataclass(frozen=True, slots=True)
class Result:
    """The result; `table` has the rounds of a ranking, `mean` the mean of a rating as a sentence."""

    lines: Sequence[Line]
    caption: str
    mean: str
    table: Table | None


@dataclass(frozen=True, slots=True)
class PollView:
    """All that the template shows. `widget` says whether the widget comes in place of form and result.

    `lang` is what the widget is to ask for, and `pick` the option that a link has chosen beforehand.
    `receipt_url` is where the vote that was just cast can be checked, or empty.
    """

    poll: Poll
    question: Text
    description: str
    canonical: str
    lang: str
    pick: int | None
    history_url: str
    verify_url: str
    receipt_url: str
    site_url: str
    share: Sequence[Share]
    languages: Sequence[Link]
    links: Sequence[Link]
    widget: bool
    message: str
    failed: bool
    form: Form | None
    result: Result | None
    facts: Sequence[str]
    uncounted: Sequence[str]


class PollViews:
    """Makes the views of polls."""

    def __init__(
        self, admission: Admission, tallies: Tallies, rounds: Rounds, images: ImageCache, base_url: str
    ) -> None:
        self._admission = admission
        self._tallies = tallies
        self._rounds = rounds
        self._images = images
        self._base_url = base_url

    async def of(self, snapshot: Snapshot, words: Words, wanted: str | None, sent: Sent) -> PollView:
        """The view of a poll for a reader who wants a language, in words of theirs, after what they sent."""
        poll, lang = snapshot.poll, snapshot.langs(wanted).texts
        pictures = await self.pictures(poll, lang)
        verify_url = self.url(poll.id, wanted, "/verify")
        visible = poll.shows_results(snapshot.state, voted=sent.voted)
        # The site vouches for its readers in its own pages: here nobody could vote.
        elsewhere = self._admission.policy_of(poll.site) is Policy.STRICT
        return PollView(
            poll=poll,
            question=question_of(poll, lang),
            description=answers_of(poll, lang),
            canonical=self.canonical(poll, lang),
            lang=wanted or words.lang,
            pick=next(iter(sent.filled.picks), None) if sent.key is None else None,
            site_url=site_url(self._base_url, poll.site, wanted),
            share=ways_to_share(poll.question[lang], self.canonical(poll, lang), words),
            history_url=self.url(poll.id, wanted, "/history"),
            verify_url=verify_url,
            receipt_url=f"{verify_url}#{quote(sent.vote.receipt, safe='')}" if sent.vote else "",
            languages=() if sent.voted else self._languages(poll, lang),
            links=await self.links(poll, words, wanted),
            widget=sent.key is None and poll.replaced_by is None and not elsewhere,
            message=_message(snapshot, sent, words, elsewhere=elsewhere),
            failed=sent.error is not None,
            form=None if elsewhere else self._form(snapshot, words, wanted, sent, pictures),
            result=await self._result(snapshot, words, lang, sent, pictures),
            facts=facts_of(snapshot, words, visible=visible),
            uncounted=uncounted_of(snapshot, words, visible=visible),
        )

    def url(self, poll: str, wanted: str | None, tail: str = "") -> str:
        """The address of a poll's page, or of one below it, for a reader who wants a language."""
        return with_query(f"{self._base_url}/p/{poll}{tail}", lang=wanted)

    def canonical(self, poll: Poll, lang: str, tail: str = "") -> str:
        """The one address of such a page in a language; the poll's first is not named."""
        return self.url(poll.id, lang if lang != poll.lang else None, tail)

    async def pictures(self, poll: Poll, lang: str) -> dict[str, Picture]:
        """The images of the options that readers see, by id."""
        pictures = {}
        for option in poll.shown_options:
            if option.image and (size := await self._images.size(option.image)):
                alt = say(option.alt, lang, poll.lang)
                pictures[option.image] = Picture(image_url(self._base_url, option.image), alt, *size)
        return pictures

    async def links(self, poll: Poll, words: Words, wanted: str | None) -> Sequence[Link]:
        """The versions before and after this poll, as far as they are published."""
        links = []
        for why, other in (("replaced", poll.replaced_by), ("replaces", poll.replaces)):
            for snapshot in await self._tallies.of_ids([other] if other else []):
                lang = snapshot.langs(wanted).texts
                links.append(
                    Link(
                        words.say(why),
                        self.url(snapshot.poll.id, wanted),
                        question_of(snapshot.poll, lang),
                    )
                )
        return links

    def _languages(self, poll: Poll, lang: str) -> Sequence[Link]:
        if len(poll.langs) < 2:
            return ()
        return [
            Link(
                "",
                self.canonical(poll, tag),
                Text(language_name(tag), tag, direction(tag)),
                current=tag == lang,
            )
            for tag in poll.langs
        ]

    def _form(
        self,
        snapshot: Snapshot,
        words: Words,
        wanted: str | None,
        sent: Sent,
        pictures: Mapping[str, Picture],
    ) -> Form | None:
        if snapshot.state is not State.OPEN or sent.voted:
            return None
        poll, lang = snapshot.poll, snapshot.langs(wanted).texts
        key, filled = sent.key or encode(secrets.token_bytes(16)), sent.filled
        choices = [
            Choice(
                id=option.id,
                label=label_of(poll, option, words, lang),
                emoji=option.emoji,
                picture=pictures.get(option.image),
                checked=option.id in filled.picks,
                rank=filled.ranks.get(option.id),
            )
            for option in poll.active_options
        ]
        if poll.shuffle:  # by the key, so that the form is the same when it is shown again
            choices.sort(key=lambda choice: hashlib.sha256(f"{key} {choice.id}".encode()).digest())
        return Form(
            action=self.url(poll.id, wanted),
            key=key,
            many=poll.kind is Kind.MULTIPLE,
            pictured=bool(pictures),
            hint=hint_of(poll, words) if poll.kind in (Kind.MULTIPLE, Kind.RANKED) else "",
            choices=choices,
            ranks=[(rank, words.number(rank)) for rank in range(1, poll.max_picks + 1)],
            filled=filled,
            max_text=words.number(MAX_TEXT),
        )

    async def _result(
        self, snapshot: Snapshot, words: Words, lang: str, sent: Sent, pictures: Mapping[str, Picture]
    ) -> Result | None:
        poll = snapshot.poll
        if not poll.shows_results(snapshot.state, voted=sent.voted):
            return None
        table = None
        if poll.kind is Kind.RANKED and snapshot.results.voters:
            table = table_of(snapshot, await self._rounds.of(snapshot), words, lang)
        return Result(
            lines=lines_of(snapshot, words, lang, sent.picks(poll), pictures),
            caption=caption_of(snapshot, words),
            mean=mean_of(poll, snapshot.results.mean, words),
            table=table,
        )


def _message(snapshot: Snapshot, sent: Sent, words: Words, *, elsewhere: bool) -> str:
    if sent.vote is not None:
        return thanks_for(snapshot.poll, sent.vote, words)
    if sent.error is not None:
        return refusal_of(snapshot, sent.error, words)
    if snapshot.poll.archived_at is not None:
        return words.say("archived")
    if snapshot.state is State.OPEN and elsewhere:
        return words.say(TOLD[Code.NOT_VOUCHED_FOR])
    if sent.filled.picks and snapshot.state is State.OPEN:
        return words.say("chosen")
    return ""
