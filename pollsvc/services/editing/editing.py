"""Making polls and changing them, so that no vote loses its meaning.

Each change is one transaction that no other edit overlaps, with its entry in the audit log and, where
readers could notice it, in the poll's public history.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import Code, PollError, bad, no_such_poll
from pollsvc.domain.history import Notice, common_orders, noticeable
from pollsvc.domain.log import COMMAND_LINE, Act, Actor
from pollsvc.domain.mac import fingerprint
from pollsvc.domain.poll import Poll, Site, State
from pollsvc.services.editing.anew import anew
from pollsvc.services.editing.definitions import define
from pollsvc.services.editing.describing import describe, describe_option
from pollsvc.services.editing.keeping import ask_for_confirmation, keep_votes, not_now, opened, refuse_ended
from pollsvc.services.editing.new_poll import NewPoll, as_new
from pollsvc.services.editing.placing import canonical_links, check_room
from pollsvc.storage import images, imports, log
from pollsvc.storage import polls as store
from pollsvc.storage.database import Connection
from pollsvc.storage.history import add_notices
from pollsvc.storage.placements import detach_placement, insert_placement, placements_of_poll, take_places


class Editing:
    """Work on polls, on a connection that nobody else uses meanwhile. Bad input raises PollError."""

    def __init__(self, connection: Connection, clock: Clock, actor: Actor = COMMAND_LINE) -> None:
        self._connection = connection
        self._clock = clock
        self._actor = actor

    async def poll(self, id_: str) -> Poll:
        """A poll by its id, drafts included. Raises `no_such_poll`."""
        poll = await store.load_poll(self._connection, id_)
        if poll is None:
            raise no_such_poll()
        return poll

    async def polls(self, site: Site | None = None) -> list[Poll]:
        """All polls, or a site's, newest first."""
        return await store.list_polls(self._connection, site.id if site else None)

    async def create_poll(self, site: Site, new: NewPoll) -> Poll:
        """Create a poll of a site, on its articles."""
        links = canonical_links(new.articles)
        now = int(self._clock())
        poll = define(new, site, None, now)
        poll = replace(poll, placements={url: number for number, url in enumerate(links, 1)})
        async with log.editing(self._connection):
            await self._insert(poll, links, now)
        return poll

    async def edit_poll(
        self, id_: str, new: NewPoll, *, revision: int | None = None, correction: bool = False
    ) -> Poll:
        """Make a poll what `new` asks for; its articles stay as they are.

        Raises PollError: `edit_conflict` when the poll is not at `revision` any more;
        `needs_confirmation` when texts of a poll that has opened change and it is not said that this is a
        `correction`, which leaves the meaning of each vote; `not_possible_now` for what would change the
        votes themselves, which takes a new version, for a later opening of a poll that has opened, and for
        what would open one that is in the archive or was replaced.
        """

        def edit(before: Poll, now: int) -> Poll:
            after = define(new, before.site, before, now)
            if not before.draft and after.draft:
                raise not_now("A poll that was published cannot become a draft again; close it instead.")
            if not after.draft and (before.draft or after.state(now) is not State.CLOSED):
                refuse_ended(before)
            if opened(before, now):
                keep_votes(before, after)
                if not opened(after, now):
                    raise not_now("A poll that has opened cannot open later; close it instead.")
                if not correction:
                    ask_for_confirmation(before, after)
            return after

        return await self.change(id_, "poll.edit", edit, revision)

    async def open_poll(self, id_: str, revision: int | None = None) -> Poll:
        """Open a poll now: publish a draft, bring a later opening forward, or reopen a closed poll."""

        def open_(before: Poll, now: int) -> Poll:
            refuse_ended(before)
            if before.draft:
                _published(before, now)  # is it all there?
            opens_at = now if before.opens_at is None or before.opens_at > now else before.opens_at
            closes_at = None if before.state(now) is State.CLOSED else before.closes_at
            return _revised(before, opens_at=opens_at, closes_at=closes_at, draft=False)

        return await self.change(id_, "poll.open", open_, revision)

    async def publish_poll(self, id_: str, revision: int | None = None) -> Poll:
        """Publish a draft with the schedule that it has; any other poll stays as it is."""

        def publish(before: Poll, now: int) -> Poll:
            if not before.draft:
                return before
            refuse_ended(before)
            return _published(before, now)

        return await self.change(id_, "poll.publish", publish, revision)

    async def close_poll(self, id_: str, revision: int | None = None) -> Poll:
        """Close a poll now; one that is closed stays as it is."""
        return await self.change(id_, "poll.close", _close, revision)

    async def archive_poll(self, id_: str, *, archived: bool = True, revision: int | None = None) -> Poll:
        """Put a poll that is closed or a draft into the archive, where lists do not show it; or take it out.

        Its page and its result stay.
        """

        def archive(before: Poll, now: int) -> Poll:
            if archived and not before.draft and before.state(now) is not State.CLOSED:
                raise not_now("Only a closed poll or a draft can be archived; close it first.")
            if (before.archived_at is not None) is archived:
                return before
            return _revised(before, archived_at=now if archived else None)

        action = "poll.archive" if archived else "poll.unarchive"
        return await self.change(id_, action, archive, revision)

    async def duplicate_poll(self, id_: str) -> Poll:
        """A draft like this poll, with no votes, no schedule and no articles."""
        before, now = await self.poll(id_), int(self._clock())
        new = replace(anew(as_new(before), before), draft=True, opens_at=None, closes_at=None)
        poll = define(new, before.site, None, now)
        async with log.editing(self._connection):
            await self._insert(poll, {}, now)
        return poll

    async def new_version(self, id_: str, new: NewPoll, revision: int | None = None) -> Poll:
        """A poll that takes the place of one whose meaning changes: it begins with no votes.

        The old one is closed, keeps its votes and its page, and says what replaced it; the new one stands on
        its articles instead. Raises `bad_request` for a draft, since readers are led to it at once.
        """
        if new.draft:
            raise bad("A new version is published at once; send it without draft.", "draft")
        now = int(self._clock())
        async with log.editing(self._connection):
            before = await self._load(id_, revision)
            if before.draft or before.replaced_by is not None:
                raise not_now("Only a published poll that was not replaced yet can get a new version.")
            after = replace(define(anew(new, before), before.site, None, now), replaces=before.id)
            placements = [
                placement
                for placement in await placements_of_poll(self._connection, id_)
                if not placement.detached
            ]
            links = {placement.url: placement.link for placement in placements}
            after = replace(after, placements={url: number for number, url in enumerate(links, 1)})
            await self._insert(after, links, now)
            for url in links:
                await detach_placement(self._connection, before.id, url)
            await take_places(self._connection, before.id, after.id)
            ended = _revised(_close(before, now), replaced_by=after.id)
            await self._save("poll.replace", before, ended, now)
        return after

    async def change(
        self, id_: str, action: str, edit: Callable[[Poll, int], Poll], revision: int | None
    ) -> Poll:
        """Make of a poll what `edit` returns for it and the time; `action` is the log's word for that."""
        now = int(self._clock())
        async with log.editing(self._connection):
            before = await self._load(id_, revision)
            return await self._save(action, before, edit(before, now), now)

    async def _load(self, id_: str, revision: int | None) -> Poll:
        poll = await self.poll(id_)
        if revision is not None and revision != poll.revision:
            raise PollError(
                Code.EDIT_CONFLICT,
                "Somebody else has changed this poll meanwhile; look at it as it is now, and make your "
                "change again.",
                details={"revision": poll.revision},
            )
        if poll.draft and poll.archived_at is not None and await imports.is_coming(self._connection, id_):
            raise not_now("The poll is being imported; wait until all of its votes are in.")
        return poll

    async def _insert(self, poll: Poll, links: Mapping[str, str], now: int) -> None:
        await self._check_images(poll)
        await store.insert_poll(self._connection, poll)
        for url, number in poll.placements.items():
            await check_room(self._connection, url)
            await insert_placement(self._connection, poll.id, number, url, links[url])
        if not poll.draft:
            await add_notices(self._connection, poll.id, [Notice("published", None, None)], now)
        after = describe(poll, now) | {"key": fingerprint(poll.key)}
        act = Act(self._actor, "poll.create", f"poll:{poll.id}", {}, after)
        await log.append(self._connection, act, now)

    async def _save(self, action: str, before: Poll, after: Poll, now: int) -> Poll:
        """Save what an edit made of a poll; returns the poll as it is then, which is the one before when
        nothing but the revision would change."""
        was, is_ = _differences(before, after, now)
        if is_.keys() <= {"revision"}:
            return before
        await self._check_images(after, before)
        await store.update_poll(self._connection, before, after)
        await add_notices(self._connection, after.id, noticeable(before, after), now)
        await log.append(self._connection, Act(self._actor, action, f"poll:{after.id}", was, is_), now)
        return after

    async def _check_images(self, poll: Poll, before: Poll | None = None) -> None:
        known = {option.image for option in before.options} if before else set()
        for place, option in enumerate(poll.options, 1):
            if option.image in known or not option.image:
                continue
            if not await images.exists(self._connection, option.image):
                raise bad(f"There is no image {option.image!r}; upload it first.", f"options.{place}.image")


def _close(before: Poll, now: int) -> Poll:
    if before.draft:
        raise not_now("The poll is a draft; open it before it can be closed.")
    match before.state(now):
        case State.CLOSED:
            return before
        case State.SCHEDULED:
            return _revised(before, opens_at=None, closes_at=now)
        case State.OPEN:
            return _revised(before, closes_at=now)


def _published(draft: Poll, now: int) -> Poll:
    """The poll that a draft becomes. Raises PollError `bad_request` with all that it still lacks."""
    return define(replace(as_new(draft), draft=False), draft.site, draft, now)


def _revised(poll: Poll, **changes: object) -> Poll:
    return replace(poll, revision=poll.revision + 1, **changes)  # type: ignore[arg-type]


def _differences(before: Poll, after: Poll, now: int) -> tuple[dict[str, object], dict[str, object]]:
    """What is described otherwise before and after, of the options only those that are, by id.

    The order of options is told apart from them: `order_of_options`, where the shown ones moved.
    """
    old, new = describe(before, now), describe(after, now)
    was, is_ = ({option.id: option for option in poll.options} for poll in (before, after))
    changed = sorted(id_ for id_ in was.keys() | is_.keys() if was.get(id_) != is_.get(id_))
    old["options"] = [describe_option(was[id_]) for id_ in changed if id_ in was]
    new["options"] = [describe_option(is_[id_]) for id_ in changed if id_ in is_]
    old["order_of_options"], new["order_of_options"] = common_orders(before, after)
    differing = [key for key in old if old[key] != new[key]]
    return {key: old[key] for key in differing}, {key: new[key] for key in differing}
