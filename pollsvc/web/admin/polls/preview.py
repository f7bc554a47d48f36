"""How readers will see a poll that is being edited: nothing of it is kept, and no vote in it counts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import PollError
from pollsvc.domain.poll import Poll, Site
from pollsvc.domain.tally import Tally
from pollsvc.services.editing.definitions import define
from pollsvc.services.snapshots import Publisher, Snapshot
from pollsvc.services.words import Words
from pollsvc.web.admin.polls.asked import asked, placeheld
from pollsvc.web.admin.polls.form import PollForm
from pollsvc.web.pages.poll_view import PollView, PollViews, Sent


@dataclass(frozen=True, slots=True)
class Shown:
    """A poll as the public page shows it in a language without scripts.

    `widget` is what the widget is sent, with `voted`, the results of those who voted.
    """

    view: PollView
    words: Words
    lang: str
    widget: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Preview:
    """A poll as readers will see it, or the first thing that is wrong with it."""

    shown: Shown | None
    problem: str = ""


class Previews:
    """Makes previews of forms, of what readers are sent."""

    def __init__(self, publisher: Publisher, views: PollViews, clock: Clock) -> None:
        self._publisher = publisher
        self._views = views
        self._clock = clock

    async def of(self, form: PollForm, site: Site, before: Poll | None, lang: str) -> Preview:
        """The poll that a form asks for, as it is when it has opened, for a reader who wants a language."""
        now = self._clock()
        filled = replace(placeheld(form), articles="")
        try:
            new = asked(filled, site, before, now, draft=False)
            poll = define(new, site, before, int(now))
        except PollError as error:
            return Preview(None, error.message)
        if poll.opens_at is not None:
            now = max(now, poll.opens_at)
        snapshot = Snapshot(Tally(poll), now, self._publisher)
        langs = snapshot.langs(lang)
        words = self._publisher.strings.words(langs.words)
        view = await self._views.of(snapshot, words, lang, Sent())
        body = json.loads(snapshot.body(langs).at(now))
        # The widget keeps a reader's token by the site: that of the preview must not meet the real one.
        widget = body | {"site": "preview", "voted": snapshot.voted, "replaced_by": None}
        return Preview(Shown(view, words, langs.texts, widget))
