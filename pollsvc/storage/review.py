"""Finding the ballots that editors review."""

from collections.abc import Sequence

from pollsvc.domain.review import Group, Rule
from pollsvc.storage.database import Connection

_WIDE = 5  # characters of a network's tag that are its wide prefix


async def count_matching(connection: Connection, poll: str, rule: Rule) -> int:
    """How many ballots of a poll a rule is true of."""
    where, values = _where(rule)
    rows = await connection.rows(f"SELECT COUNT(*) FROM ballots WHERE {where}", poll=poll, **values)
    return int(rows[0][0])


async def matching(connection: Connection, poll: str, rule: Rule, after: str, limit: int) -> Sequence[str]:
    """The voters of such ballots, sorted, from the one after `after` on."""
    where, values = _where(rule)
    rows = await connection.rows(
        f"SELECT voter FROM ballots WHERE {where} AND voter > :after ORDER BY voter LIMIT {int(limit)}",
        poll=poll,
        after=after,
        **values,
    )
    return [voter for (voter,) in rows]


async def groups(connection: Connection, poll: str, limit: int) -> list[Group]:
    """A poll's ballots by network, hour, status and reason, the largest groups first."""
    rows = await connection.rows(
        f"SELECT SUBSTR(network, 1, {_WIDE}), minute / 60, status, reason, COUNT(*), "
        "COUNT(DISTINCT network), SUM(CASE WHEN fresh THEN 1 ELSE 0 END) "
        "FROM ballots WHERE poll_id = :poll AND network <> '' GROUP BY 1, 2, 3, 4 "
        f"ORDER BY 5 DESC, 2 DESC, 1 LIMIT {int(limit)}",
        poll=poll,
    )
    return [Group(*row) for row in rows]


def _where(rule: Rule) -> tuple[str, dict[str, object]]:
    conditions, values = ["poll_id = :poll"], dict[str, object]()
    for name, sign in (("status", "="), ("reason", "="), ("voter", "="), ("fresh", "=")):
        if (value := getattr(rule, name)) is not None:
            conditions.append(f"{name} {sign} :{name}")
            values[name] = value
    if rule.network:
        conditions.append("SUBSTR(network, 1, LENGTH(CAST(:network AS text))) = CAST(:network AS text)")
        values["network"] = rule.network
    for name, sign in (("since", ">="), ("until", "<")):
        if (value := getattr(rule, name)) is not None:
            conditions.append(f"minute {sign} :{name}")
            values[name] = value
    return " AND ".join(conditions), values
