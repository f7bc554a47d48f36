"""Alerts, and what is looked at for them: how a poll's ballots came in."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pollsvc.domain.alert import Alert, Finding, Kind, Pull
from pollsvc.domain.ballot import Reason, Status
from pollsvc.domain.selection import WITHDRAWN
from pollsvc.storage.database import Connection
from pollsvc.storage.series import first_pick

_WIDE = 5  # characters of a network's tag that are its wide prefix
_LOOKED_AT = (
    f"(status = '{Status.COUNTED}' OR reason IN ('{Reason.PACE}', '{Reason.UNPROVEN}'))"  # no editor's word
)
_SUBJECT = ("number", "kind", "serious", "option", "network", "since", "until")
_COLUMNS = (*_SUBJECT, "evidence", "raised_at", "dismissed_at", "dismissed_by", "note")
_IN_COLUMNS = ("kind", "serious", "option", "network", "since", "until")
_WATCH = (("poll_id", "text"), ("version", "bigint"), ("due_at", "bigint"))


class Watch(NamedTuple):
    """A poll that this process alone looks at until `due_at` (Unix seconds), as of its `version`."""

    poll: str
    version: int
    due_at: int


class Arrived(NamedTuple):
    """So many ballots of a minute with a pick; of one network, by its wide tag, or of all (empty)."""

    minute: int
    pick: str
    network: str
    fresh: bool
    ballots: int


class Reading(NamedTuple):
    """How a poll's ballots came in, and from how many wide prefixes in each minute."""

    arrived: Sequence[Arrived]
    networks: Mapping[int, int]


async def take_due(
    connection: Connection, now: int, until: int, latest: int, closed_since: int, limit: int
) -> list[Watch]:
    """Take up to `limit` polls, `until` then, that have changed since they were looked at and are nobody's.

    Left out are drafts, and polls that closed before `closed_since`. When the process dies, others take
    them after `until`. A turn later than `latest` was given by a clock that was wrong, and does not count.
    """
    due = await connection.rows(
        "SELECT poll_versions.poll_id, poll_versions.version FROM poll_versions "
        "JOIN polls ON polls.id = poll_versions.poll_id "
        "LEFT JOIN watches ON watches.poll_id = poll_versions.poll_id "
        "WHERE NOT draft AND (closes_at IS NULL OR closes_at >= :since) AND (watches.poll_id IS NULL "
        "OR (watches.version <> poll_versions.version "
        "AND (watches.due_at <= :now OR watches.due_at > :latest))) "
        f"ORDER BY poll_versions.poll_id LIMIT {int(limit)}",
        since=closed_since,
        now=now,
        latest=latest,
    )
    if not due:
        return []  # an INSERT would take SQLite's write lock for nothing
    taken = await connection.rows(
        f"INSERT INTO watches (poll_id, version, due_at) {connection.json_rows(*_WATCH)} "
        "ON CONFLICT (poll_id) DO UPDATE SET due_at = excluded.due_at "
        f"WHERE watches.due_at <= {int(now)} OR watches.due_at > {int(latest)} RETURNING poll_id",
        rows=json.dumps([(poll, -1, until) for poll, _ in due]),
    )
    mine = {poll for (poll,) in taken}
    return [Watch(poll, version, until) for poll, version in due if poll in mine]


async def put_back(connection: Connection, watch: Watch, version: int, due_at: int) -> None:
    """Give a poll back that was looked at as of a version (-1: not to the end); its next turn is `due_at`."""
    await connection.rows(
        "UPDATE watches SET version = :version, due_at = :due WHERE poll_id = :poll AND due_at = :until",
        poll=watch.poll,
        version=version,
        due=due_at,
        until=watch.due_at,
    )


async def load_arrived(connection: Connection, poll: str, since: int, sources: int) -> Reading:
    """How a poll's ballots came in from a Unix minute on, in no order, also from the `sources` networks with
    the most of them.

    Ballots that an editor has decided on, that were withdrawn or have no network are left out. It looks
    through all ballots of the poll: no index has the minute, for each vote would pay for it.
    """
    pick = first_pick(connection)
    rows = await connection.rows(
        f"WITH recent AS MATERIALIZED (SELECT minute, {pick} AS pick, SUBSTR(network, 1, {_WIDE}) AS wide, "
        "CASE WHEN fresh THEN 1 ELSE 0 END AS new FROM ballots WHERE poll_id = :poll AND minute >= :since "
        f"AND network <> '' AND selection <> '{WITHDRAWN}' AND {_LOOKED_AT}), "
        "most AS (SELECT wide FROM recent GROUP BY wide "
        f"ORDER BY COUNT(*) DESC, wide LIMIT {int(sources)}) "
        "SELECT 0 AS part, minute, pick, '' AS wide, new, COUNT(*) FROM recent GROUP BY minute, pick, new "
        "UNION ALL SELECT 1, minute, '', '', 0, COUNT(DISTINCT wide) FROM recent GROUP BY minute "
        "UNION ALL SELECT 2, minute, pick, wide, new, COUNT(*) FROM recent "
        "WHERE wide IN (SELECT wide FROM most) GROUP BY minute, pick, wide, new",
        poll=poll,
        since=since,
    )
    return Reading(
        [Arrived(minute, pick, wide, bool(new), n) for part, minute, pick, wide, new, n in rows if part != 1],
        {minute: n for part, minute, _, _, _, n in rows if part == 1},
    )


async def load_earlier(connection: Connection, poll: str, until: int) -> list[tuple[str, int]]:
    """A poll's ballots that count, from before a Unix minute: how many have each pick."""
    rows = await connection.rows(
        f"SELECT {first_pick(connection)}, SUM(count) FROM tally WHERE poll_id = :poll AND minute < :until "
        f"AND status = '{Status.COUNTED}' AND selection <> '{WITHDRAWN}' GROUP BY 1",
        poll=poll,
        until=until,
    )
    return [(pick, int(count)) for pick, count in rows if count]


async def lock(connection: Connection, poll: str) -> bool:
    """Let nobody else change a poll's alerts, nor purge it, until the current transaction ends.

    Returns whether its networks may be known: it has not been purged.
    """
    share = ""
    if not connection.sqlite:  # SQLite's write lock does the same
        await connection.rows("SELECT 1 FROM watches WHERE poll_id = :poll FOR UPDATE", poll=poll)
        share = "FOR SHARE"
    rows = await connection.rows(f"SELECT LENGTH(key) FROM polls WHERE id = :poll {share}", poll=poll)
    return bool(rows) and rows[0][0] > 0


async def load_alerts(
    connection: Connection, poll: str, *, dismissed_since: int | None = None
) -> list[Alert]:
    """A poll's alerts, the newest first; without those dismissed before a Unix second, if one is given."""
    rows = await connection.rows(
        f"SELECT {', '.join(_COLUMNS)} FROM alerts WHERE poll_id = :poll "
        "AND (dismissed_at IS NULL OR dismissed_at >= :since) ORDER BY number DESC",
        poll=poll,
        since=dismissed_since or 0,
    )
    return [_alert(row) for row in rows]


async def open_alerts(connection: Connection, site: str | None, limit: int) -> list[tuple[str, Alert]]:
    """The open serious alerts of a site's polls, or of all, with the polls' ids; the newest first."""
    rows = await connection.rows(
        f"SELECT poll_id, {', '.join(f'alerts.{name}' for name in _COLUMNS)} FROM alerts "
        "JOIN polls ON polls.id = alerts.poll_id WHERE dismissed_at IS NULL AND serious "
        f"{'' if site is None else 'AND site_id = :site '}"
        f"ORDER BY raised_at DESC, poll_id, number LIMIT {int(limit)}",
        **({} if site is None else {"site": site}),
    )
    return [(poll, _alert(row)) for poll, *row in rows]


async def count_open(connection: Connection, poll: str) -> int:
    """How many alerts of a poll are open and serious."""
    rows = await connection.rows(
        "SELECT COUNT(*) FROM alerts WHERE poll_id = :poll AND dismissed_at IS NULL AND serious", poll=poll
    )
    return int(rows[0][0])


async def put_alerts(connection: Connection, poll: str, alerts: Iterable[Alert]) -> None:
    """Write alerts, new ones and those that have changed, in the current transaction."""
    rest = ("evidence", "raised_at", "dismissed_at", "dismissed_by", "note")
    for alert in alerts:
        await connection.rows(
            f"INSERT INTO alerts (poll_id, {', '.join(_COLUMNS)}) "
            f"VALUES (:poll, {', '.join(f':{name}' for name in _COLUMNS)}) "
            "ON CONFLICT (poll_id, number) DO UPDATE SET "
            f"{', '.join(f'{name} = excluded.{name}' for name in (*_SUBJECT[2:], *rest))}",
            poll=poll,
            number=alert.number,
            evidence=_evidence(alert.finding),
            raised_at=alert.raised_at,
            dismissed_at=alert.dismissed_at,
            dismissed_by=alert.dismissed_by,
            note=alert.note,
            **{name: getattr(alert.finding, name) for name in _IN_COLUMNS},
        )


async def forget_networks(connection: Connection, poll: str) -> None:
    """Delete what a poll's alerts say of networks."""
    await connection.rows(
        "UPDATE alerts SET network = NULL WHERE poll_id = :poll AND network IS NOT NULL", poll=poll
    )


def _evidence(finding: Finding) -> str:
    """What no column has of a finding."""
    told = {name: value for name, value in finding._asdict().items() if name not in _IN_COLUMNS}
    return json.dumps(told | {"pull": finding.pull._asdict() if finding.pull else None})


def _alert(row: Sequence[Any]) -> Alert:
    number, kind, serious, option, network, since, until, evidence, *rest = row
    told = json.loads(evidence)
    told |= {"every": tuple(told["every"]), "part": tuple(told["part"])}
    told["pull"] = Pull(**told["pull"]) if told["pull"] else None
    finding = Finding(
        kind=Kind(kind),
        serious=bool(serious),
        option=option,
        network=network,
        since=since,
        until=until,
        **told,
    )
    return Alert(number, finding, *rest)
