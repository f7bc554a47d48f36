"""Importing a poll that a pollsvc has exported: a new poll with the same definition, ballots and numbers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import BinaryIO

from pollsvc.domain.clock import Clock, minute_of, parse_time
from pollsvc.domain.errors import PollError, bad
from pollsvc.domain.log import Actor
from pollsvc.domain.poll import Poll, Site, State
from pollsvc.domain.selection import WITHDRAWN, canonical, picked
from pollsvc.domain.tally import Results
from pollsvc.services.exports.picture import results_by_picks
from pollsvc.services.exports.sections import Progress
from pollsvc.services.imports.definition import links_of, poll_of
from pollsvc.services.imports.export_file import fault, read_export
from pollsvc.services.imports.intake import Imported, ImportMeans, intake, same_question
from pollsvc.services.imports.records import BallotRecord, OptionCount, ResultsRecord
from pollsvc.storage import images
from pollsvc.storage.database import Connection

_ORIGIN = "a file that pollsvc exported"


async def import_poll(
    connection: Connection,
    site: Site,
    file: BinaryIO,
    actor: Actor,
    *,
    clock: Clock,
    attach: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Make a new poll of the site of what an export of `all` says, in JSON (up to 16 MiB) or NDJSON.

    Options keep their ids, and the schedule is kept. Each ballot becomes one of a voter of its own, signed
    by us; who voted can vote again if the poll is still open. With `attach` it stands on its articles, which
    else are forgotten. The file is read as it is imported; the memory is the same for any number of ballots.
    `connection` is used by nobody else meanwhile, and votes go on. Raises PollError `bad_request`, which
    says where the file is wrong; then nothing is left of the poll.
    """
    now = int(clock())
    head, where, definition, records = read_export(file)
    try:
        poll = poll_of(definition, site, now)
        links, numbers = links_of(definition)
    except PollError as error:
        raise fault(where, error.message) from error
    poll, notes = await _without_lost_images(connection, poll)
    notes += await same_question(connection, site, poll)
    read = _reader(poll, numbers, now)
    unopened = poll.draft or (poll.opens_at is not None and poll.opens_at > now)
    said: tuple[str, ResultsRecord] | None = None

    def written(ballots: int) -> None:
        if progress is not None:
            progress(ballots, head.ballots)

    async with intake(ImportMeans(connection, actor, clock), poll, written) as taking:
        for where, record in records:
            match record:
                case BallotRecord():
                    if unopened:  # it can still be edited in ways that its ballots would not survive
                        raise fault(where, "A poll that is a draft, or has yet to open, cannot have ballots.")
                    try:
                        article, minute = read(record)
                    except PollError as error:
                        raise fault(where, error.message) from error
                    await taking.add(article if attach else 0, minute, record.selection, record.admitted)
                case ResultsRecord():
                    said = where, record
                case _:
                    raise fault(where, "A second poll begins here; give one export at a time.")
        await taking.flush()
        if said is not None:
            results, _ = await results_by_picks(connection, poll, 0)
            _compare(results, *said)
        poll = await taking.finish(links if attach else (), _ORIGIN)
    if taking.ballots and not poll.draft and poll.state(now) is not State.CLOSED:
        notes.append("The poll is not closed: readers who voted where it was before can vote again here.")
    return Imported(poll.question[poll.lang], poll, taking.ballots, notes)


def _reader(poll: Poll, articles: Mapping[str, int], now: int) -> Callable[[BallotRecord], tuple[int, int]]:
    """What reads a ballot of a poll: the number of its article and its Unix minute; or raises PollError."""
    ids = {option.id for option in poll.options}
    latest = minute_of(now)

    @lru_cache(10_000)
    def check(selection: str) -> None:
        try:
            said = canonical(poll, picked(selection), ids) if selection != WITHDRAWN else WITHDRAWN
        except ValueError:
            said = None
        if said != selection:
            raise bad(f"{selection[:40]!r} is no selection as pollsvc writes it.")

    @lru_cache(10_000)
    def minute_at(text: str) -> int:
        try:
            minute = minute_of(parse_time(text))
        except ValueError:
            minute = -1
        if not 0 <= minute <= latest:
            raise bad(f"{text[:40]!r} is no time, or one to come.")
        return minute

    def read(ballot: BallotRecord) -> tuple[int, int]:
        check(ballot.selection)
        article = 0 if ballot.article is None else articles.get(ballot.article)
        if article is None:
            raise bad(f"{ballot.article!r:.60} is no article of this poll.")
        return article, minute_at(ballot.minute)

    return read


async def _without_lost_images(connection: Connection, poll: Poll) -> tuple[Poll, list[str]]:
    """The poll with those of its images that are here, and a note for each other one."""
    options, notes = [], []
    for option in poll.options:
        if option.image and not await images.exists(connection, option.image):
            notes.append(f"The image of option {option.id} is not here; upload it and set it again.")
            options.append(replace(option, image="", alt={}))
        else:
            options.append(option)
    return replace(poll, options=tuple(options)), notes


def _compare(results: Results, where: str, said: ResultsRecord) -> None:
    """Raise PollError unless the ballots add up to what the export says that they do."""
    counted = ResultsRecord(
        voters=results.voters,
        picks=results.picks,
        held=results.held,
        excluded=results.excluded,
        options=[OptionCount(option, count) for option, count in results.options.items()],
        other=results.other,
    )
    for member in ResultsRecord.__struct_fields__:
        was, is_ = getattr(said, member), getattr(counted, member)
        if was != is_:
            raise fault(
                where, f"The ballots do not add up to the {member} of the results; the file was changed."
            )
