"""The gallery's polls: every kind in every state, rendered as readers are sent them, with made-up counts.

They are in no database. The page keeps their votes to itself, as `static/demo/gallery.js` says.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.poll import Kind, Option, OptionState, Poll, Site, Texts, Visibility
from pollsvc.domain.tally import Tally
from pollsvc.services.editing.definitions import define
from pollsvc.services.editing.new_poll import NewOption, NewPoll
from pollsvc.services.snapshots import Publisher, Snapshot, dump
from pollsvc.services.strings import Strings

_HOUR, _DAY = 3_600, 86_400
_PENDING = 9
"""The option that a reader has written and no editor has approved: it counts among the other answers."""


def _both(english: str, arabic: str) -> Texts:
    return {"en": english, "ar": arabic}


def _option(english: str, arabic: str, emoji: str = "") -> NewOption:
    return NewOption(_both(english, arabic), emoji=emoji)


def _picture(number: int, label: Texts, alt: Texts) -> NewOption:
    """An option with the image `static/demo/picture-NUMBER.svg`."""
    return NewOption(label, image=str(number), alt=alt)


_WON = (
    _option("Iran", "إيران"),
    _option("The United States", "الولايات المتحدة"),
    _option("Both", "كلاهما"),
    _option("Neither", "لا أحد"),
)
_TOPICS = (
    _option("The price of bread", "سعر الخبز"),
    _option("Rents", "الإيجارات"),
    _option("Schools", "المدارس"),
    _option("Buses and trains", "الحافلات والقطارات"),
    _option("A longer answer, which takes more than one line", "إجابة أطول تحتاج إلى أكثر من سطر واحد"),
)
_FEELINGS = (
    _option("Hope", "أمل", "🌱"),
    _option("Surprise", "دهشة", "😮"),
    _option("Sadness", "حزن", "😢"),
    _option("Anger", "غضب", "😠"),
    _option("Nothing new", "لا جديد", "🥱"),
)
_VIEWS = (
    _picture(
        1,
        _both("Hills at dawn", "تلال عند الفجر"),
        _both("The sun behind three rows of hills", "الشمس خلف ثلاثة صفوف من التلال"),
    ),
    _picture(
        2, _both("The harbour", "الميناء"), _both("A sailing boat before houses", "مركب شراعي أمام بيوت")
    ),
    _picture(
        3,
        _both("A street at night", "شارع في الليل"),
        _both("Lit windows under the moon", "نوافذ مضاءة تحت القمر"),
    ),
    _picture(
        4,
        _both("The desert road", "طريق الصحراء"),
        _both("A straight road into dunes", "طريق مستقيم بين الكثبان"),
    ),
)
_NAMES = (
    _option("Freedom Square", "ساحة الحرية"),
    _option("Old Market Square", "ساحة السوق القديم"),
    _option("River Square", "ساحة النهر"),
)


@dataclass(frozen=True, slots=True)
class _Sample:
    """A poll, its made-up ballots by selection, and a reader's vote in it."""

    asked: NewPoll
    ballots: Mapping[str, int]
    vote: tuple[int, ...]


_SAMPLES = {
    "single": _Sample(
        NewPoll(_both("Who won?", "من انتصر؟"), _WON), {"1": 412, "2": 268, "3": 96, "4": 224}, (2,)
    ),
    "multiple": _Sample(
        NewPoll(
            _both("What matters most to you this year?", "ما الأهم لك هذا العام؟"),
            _TOPICS,
            kind=Kind.MULTIPLE,
            max_picks=2,
        ),
        {"1,2": 310, "1,3": 120, "3": 205, "2,4": 160, "4": 44, "5": 61},
        (1, 3),
    ),
    "rating": _Sample(
        NewPoll(
            _both("How well did the summit go?", "كيف تقيّم القمة؟"), kind=Kind.RATING, lang="en", scale=5
        ),
        {"1": 88, "2": 142, "3": 301, "4": 264, "5": 105},
        (4,),
    ),
    "ranked": _Sample(
        NewPoll(_both("Who should have won?", "من كان يستحق الفوز؟"), _WON, kind=Kind.RANKED, max_picks=3),
        {"1>3": 210, "2>3>1": 180, "3>2": 96, "4": 61, "1": 75},
        (3, 1),
    ),
    "reaction": _Sample(
        NewPoll(
            _both("How does this news make you feel?", "كيف تشعر تجاه هذا الخبر؟"),
            _FEELINGS,
            kind=Kind.REACTION,
        ),
        {"1": 120, "2": 46, "3": 301, "4": 188, "5": 75},
        (3,),
    ),
    "images": _Sample(
        NewPoll(_both("Which picture for the front page?", "أي صورة للصفحة الأولى؟"), _VIEWS),
        {"1": 140, "2": 215, "3": 98, "4": 61},
        (2,),
    ),
    "write-in": _Sample(
        NewPoll(
            _both("What should the new square be called?", "ماذا نسمّي الساحة الجديدة؟"),
            _NAMES,
            write_in=True,
        ),
        {"1": 188, "2": 240, "3": 77, str(_PENDING): 23},
        (1,),
    ),
}
"""By the gallery's names of kinds."""


@dataclass(frozen=True, slots=True)
class _State:
    """What a state changes in the poll, whether the reader has voted in it, and how many others have."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    opens_in: int | None = None
    closes_in: int | None = None
    voted: bool = False
    held: bool = False
    others: str = "many"


_STATES = {
    "form": _State(),
    "refused": _State(),
    "voted": _State(voted=True),
    "change": _State({"allow_change": True}, closes_in=5 * _HOUR, voted=True),
    "held": _State(voted=True, held=True),
    "scheduled": _State(opens_in=3 * _HOUR, closes_in=3 * _DAY, others="none"),
    "closed": _State(closes_in=-_DAY, voted=True),
    "after-vote": _State({"visibility": Visibility.AFTER_VOTE}),
    "after-close": _State({"visibility": Visibility.AFTER_CLOSE}, closes_in=2 * _DAY, voted=True),
    "few": _State(voted=True, others="few"),
    "busy": _State(),
    "offline": _State(),
    "read-only": _State(),
}
"""By the gallery's names of states; what the page itself does in each is in `gallery.js`."""


class Gallery:
    """Answers the page's question for its polls."""

    def __init__(self, service: str, origin: str, strings: Strings) -> None:
        self._publisher = Publisher(service, strings)
        self._site = Site("gallery", "Gallery", frozenset([origin]), "en", "UTC", bytes(32), percent_from=10)

    async def answer(self, request: Request) -> Response:
        """`/gallery/{lang}.json`: `{"polls": {"KIND-STATE": poll, …}, "votes": {"KIND-STATE": vote, …}}`."""
        lang = request.path_params["lang"]
        if lang not in self._publisher.strings.langs:
            return Response("There is no such language.\n", 404, media_type="text/plain")
        now = time.time()
        polls, votes = {}, {}
        for kind, sample in _SAMPLES.items():
            for name, state in _STATES.items():
                polls[f"{kind}-{name}"] = self._shown(sample, state, lang, now)
                if state.voted:
                    votes[f"{kind}-{name}"] = {"selection": sample.vote, "held": state.held}
        headers = {"cache-control": "no-store"}
        return Response(dump({"polls": polls, "votes": votes}), 200, headers, "application/json")

    def _shown(self, sample: _Sample, state: _State, lang: str, now: float) -> dict[str, object]:
        """A poll in a state, as the widget is sent it, with `voted`, the results of those who voted."""
        poll = _in_state(define(sample.asked, self._site, None, int(now)), state, int(now))
        ballots = _ballots(sample, state)
        snapshot = Snapshot(
            Tally(poll, 1, {(selection, "counted", ""): count for selection, count in ballots.items()}),
            now,
            self._publisher,
        )
        shown = msgspec.json.decode(snapshot.body(snapshot.langs(lang)).at(now), type=dict[str, Any])
        for option in shown["options"]:
            if "image" in option:
                option["image"]["url"] = f"/picture-{option['id']}.svg"
        return shown | {"voted": snapshot.voted}


def _in_state(poll: Poll, state: _State, now: int) -> Poll:
    options = poll.options
    if poll.write_in:
        text = "Poets’ Square"
        options = (*options, Option(_PENDING, {"en": text}, OptionState.PENDING, write_in=text.lower()))
    return replace(
        poll,
        options=options,
        opens_at=None if state.opens_in is None else now + state.opens_in,
        closes_at=None if state.closes_in is None else now + state.closes_in,
        **state.changes,
    )


def _ballots(sample: _Sample, state: _State) -> dict[str, int]:
    """How many ballots there are with each selection."""
    if state.others == "none":
        return {}
    if state.others == "few":
        return dict.fromkeys(list(sample.ballots)[:3], 1)
    return dict(sample.ballots)
