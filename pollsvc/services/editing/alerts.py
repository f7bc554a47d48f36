"""Alerts as editors work with them: what stands out, in words and numbers, and putting it aside."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pollsvc.domain.alert import Alert, Finding, Kind
from pollsvc.domain.ballot import Status
from pollsvc.domain.clock import Clock, rfc3339, rfc3339_minute
from pollsvc.domain.errors import Code, PollError, bad, no_such_poll
from pollsvc.domain.log import COMMAND_LINE, Act, Actor
from pollsvc.domain.poll import Poll, say
from pollsvc.domain.review import Rule
from pollsvc.storage import alerts as store
from pollsvc.storage import log
from pollsvc.storage.database import Connection
from pollsvc.storage.polls import load_poll

MAX_NOTE = 500
"""Characters of the note with which an alert is dismissed."""
NAMES = {
    Kind.BURST: "Many at once",
    Kind.ONE_SIDED: "One-sided",
    Kind.NETWORK: "One network",
    Kind.TOKEN_AGE: "New readers",
    Kind.TIMING: "Too regular",
}
"""What the kinds are called."""


class Alerts:
    """Work on alerts, on a connection that nobody else uses meanwhile. Bad input raises PollError."""

    def __init__(self, connection: Connection, clock: Clock, actor: Actor = COMMAND_LINE) -> None:
        self._connection = connection
        self._clock = clock
        self._actor = actor

    async def of_poll(self, poll: Poll) -> list[Alert]:
        """A poll's alerts, the open ones first, the newest first."""
        found = await store.load_alerts(self._connection, poll.id)
        return sorted(found, key=lambda alert: (alert.dismissed_at is not None, not alert.finding.serious))

    async def open(self, site: str | None, limit: int) -> list[tuple[str, Alert]]:
        """The open serious alerts of a site's polls, or of all, with the polls' ids; the newest first."""
        return await store.open_alerts(self._connection, site, limit)

    async def count(self, poll: Poll) -> int:
        """How many serious alerts of a poll are open."""
        return await store.count_open(self._connection, poll.id)

    async def dismiss(self, poll_id: str, number: int, note: str) -> None:
        """Put an alert aside, and say why; no ballot is touched. Raises `no_such_poll`, `not_found` and for a
        note that is empty or too long `bad_request`; one that is dismissed already stays as it is."""
        note = note.strip()
        if not note or len(note) > MAX_NOTE:
            raise bad(f"Say in up to {MAX_NOTE} characters why the alert is dismissed.", f"note:{number}")
        now = int(self._clock())
        async with log.editing(self._connection):
            if await load_poll(self._connection, poll_id) is None:
                raise no_such_poll()
            await store.lock(self._connection, poll_id)
            alerts = await store.load_alerts(self._connection, poll_id)
            alert = next((one for one in alerts if one.number == number), None)
            if alert is None:
                raise PollError(Code.NOT_FOUND, f"The poll has no alert {number}.")
            if alert.dismissed_at is not None:
                return
            told = alert._replace(dismissed_at=now, dismissed_by=self._actor.name, note=note)
            await store.put_alerts(self._connection, poll_id, [told])
            after = {"alert": NAMES[alert.finding.kind], "number": number, "note": note}
            await log.append(
                self._connection, Act(self._actor, "alert.dismiss", f"poll:{poll_id}", {}, after), now
            )


def rule_of(finding: Finding) -> Rule:
    """Those ballots that count and stand out, as near as a rule can say it: never by what they chose."""
    return Rule(
        status=Status.COUNTED,
        network=finding.network or "",
        since=finding.since,
        until=finding.until,
        fresh=True if finding.kind is Kind.TOKEN_AGE else None,
    )


def sentences(finding: Finding, poll: Poll) -> list[str]:
    """What stands out, in English, with its numbers."""
    minutes = finding.until - finding.since
    when, many = _span(finding, poll), f"{finding.ballots:,}"
    match finding.kind:
        case Kind.BURST:
            told = [
                f"{when}: {many} ballots in {minutes} min from up to {finding.networks:,} networks a minute; "
                f"the hour before had {finding.usual:,.1f} a minute."
            ]
        case Kind.ONE_SIDED:
            told = [
                f"{when}: {_percent(finding.ballots, finding.of)} of {finding.of:,} ballots are for "
                f"“{_label(poll, finding.option)}”; before, {finding.usual:.0%} were."
            ]
        case Kind.NETWORK:
            told = [
                f"{when}: {many} of {finding.of:,} ballots ({_percent(finding.ballots, finding.of)}) came "
                f"from one network; the next one gave {finding.usual:.1%} of the hour’s."
            ]
        case Kind.TOKEN_AGE:
            told = [
                f"{when}: {_percent(finding.ballots, finding.of)} of {finding.of:,} ballots are of readers "
                f"who were new; before, {finding.usual:.0%} were."
            ]
        case Kind.TIMING:
            subject = "" if finding.option is None else f" for “{_label(poll, finding.option)}”"
            told = [
                f"{when}: {finding.usual:,.1f} ballots a minute{subject}, minute after minute; people come "
                "less regularly than that."
            ]
    if finding.pull is not None and finding.kind is not Kind.ONE_SIDED:
        option, ballots, of, before, _ = finding.pull
        told.append(
            f"Of {'these' if of == finding.ballots else f'{of:,} of these'}, {_percent(ballots, of)} are for "
            f"“{_label(poll, option)}”; of others, {before:.0%} were."
        )
    elif not finding.serious:
        told.append("Nothing shows that they vote otherwise than others.")
    return told


def describe_alert(alert: Alert, poll: Poll) -> dict[str, object]:
    """An alert as JSON values; `chance` is a log10, and `minutes` has all ballots and what stands out."""
    finding = alert.finding
    return {
        "number": alert.number,
        "kind": finding.kind.value,
        "serious": finding.serious,
        "state": "open" if alert.dismissed_at is None else "dismissed",
        "since": rfc3339_minute(finding.since),
        "until": rfc3339_minute(finding.until),
        "option": finding.option,
        "network": finding.network,
        "told": " ".join(sentences(finding, poll)),
        "ballots": finding.ballots,
        "of": finding.of,
        "usual": finding.usual,
        "chance": finding.chance,
        "pull": finding.pull._asdict() if finding.pull else None,
        "minutes": {
            "from": rfc3339_minute(finding.first),
            "every": list(finding.every),
            "part": list(finding.part),
        },
        "raised_at": rfc3339(alert.raised_at),
        "dismissed_at": None if alert.dismissed_at is None else rfc3339(alert.dismissed_at),
        "dismissed_by": alert.dismissed_by or None,
        "note": alert.note or None,
    }


def _span(finding: Finding, poll: Poll) -> str:
    zone = ZoneInfo(poll.site.time_zone)
    start, end = (
        datetime.fromtimestamp(minute * 60, UTC).astimezone(zone) for minute in (finding.since, finding.until)
    )
    return f"{start:%-d %b %Y, %H:%M}–{end:{'%H:%M' if start.date() == end.date() else '%-d %b, %H:%M'}}"


def _percent(part: int, of: int) -> str:
    return f"{part / of:.0%}" if of else "none"


def _label(poll: Poll, option: int | None) -> str:
    for one in poll.options:
        if one.id == option:
            label = f"{one.emoji} {say(one.label, poll.lang, poll.lang)}".strip()
            return f"\u2068{label}\u2069"  # isolated, whatever direction it has
    return "other answers"
