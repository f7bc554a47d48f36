"""`pollsvc poll alerts`, `ballots`, `review` and `bundle`."""

import gzip
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import IO, cast
from zoneinfo import ZoneInfo

import click

from pollsvc.cli.context import choice, desk, json_option, print_json, progress_bar, run
from pollsvc.domain.ballot import Reason, Status
from pollsvc.domain.clock import minute_of, parse_time
from pollsvc.domain.errors import bad
from pollsvc.domain.poll import Poll
from pollsvc.domain.review import EXCLUDED_FOR, Rule, Verdict
from pollsvc.services.editing.alerts import NAMES, describe_alert, sentences


@click.command()
@click.argument("poll_id", metavar="POLL")
@json_option
@run
async def ballots(poll_id: str, as_json: bool) -> None:
    """Show where a poll's ballots came from: by network, hour and standing, the largest groups first.

    Networks have tags, which are keyed hashes: they tell networks apart within this poll and day, no more.
    """
    async with desk() as work:
        found = await work.judging.groups(poll_id)
    if as_json:
        print_json([group._asdict() | {"hour": _hour(group.hour)} for group in found])
        return
    for group in found:
        standing = f"{group.status} ({group.reason})" if group.reason else group.status
        click.echo(
            f"{_hour(group.hour)}  {group.network}  {group.ballots:>9,} ballots from {group.narrow:,} "
            f"networks, {group.fresh:,} of new readers  {standing}"
        )


@click.command()
@click.argument("poll_id", metavar="POLL")
@json_option
@run
async def alerts(poll_id: str, as_json: bool) -> None:
    """Show what stands out in how a poll's ballots came in: open alerts first, those dismissed last.

    An alert is a question, not a verdict, and changes no count. `poll review` holds its ballots.
    """
    async with desk() as work:
        poll = await work.editing.poll(poll_id)
        found = await work.alerts.of_poll(poll)
    if as_json:
        print_json([describe_alert(alert, poll) for alert in found])
        return
    for alert in found:
        dismissed = alert.dismissed_at is not None
        standing = "dismissed" if dismissed else "to look at" if alert.finding.serious else "a note"
        click.echo(f"{alert.number:>4}  {NAMES[alert.finding.kind]} ({standing})")
        for sentence in sentences(alert.finding, poll):
            click.echo(f"      {sentence}")
        if alert.finding.network:
            click.echo(f"      The network is {alert.finding.network}.")
        if dismissed:
            click.echo(f"      Dismissed by {alert.dismissed_by}: {alert.note}")


@click.command()
@click.argument("poll_id", metavar="POLL")
@click.option("--hold", "verdict", flag_value="hold", help="They wait, and do not count meanwhile.")
@click.option("--release", "verdict", flag_value="release", help="They count.")
@click.option(
    "--exclude",
    "why",
    type=click.Choice([reason.value for reason in EXCLUDED_FOR]),
    help="They do not count, for this reason.",
)
@click.option("--network", default="", help="Of this network: the tag that `poll ballots` shows.")
@click.option("--from", "since", help="Cast at this time or later (ISO 8601, the site's time zone).")
@click.option("--until", help="Cast before this time.")
@click.option("--status", type=choice(Status), help="That stand so now.")
@click.option("--reason", type=choice(Reason), help="That are held or excluded for this reason now.")
@click.option("--voter", help="Of this voter.")
@json_option
@run
async def review(
    poll_id: str,
    verdict: str | None,
    why: str | None,
    network: str,
    since: str | None,
    until: str | None,
    status: str | None,
    reason: str | None,
    voter: str | None,
    as_json: bool,
) -> None:
    """Hold, release or exclude the ballots that all of this is true of; it can be taken back.

    The result says how many are held and excluded, and why; each ballot that changes is an entry in the log.
    """
    if (verdict is None) == (why is None):
        raise bad("Give one of --hold, --release and --exclude REASON.")
    async with desk() as work:
        poll = await work.editing.poll(poll_id)
        rule = Rule(
            status=Status(status) if status else None,
            reason=Reason(reason) if reason else None,
            network=network,
            since=_minute(since, poll),
            until=_minute(until, poll),
            voter=voter,
        )
        with progress_bar("Reviewing") as progress:
            judged = await work.judging.judge(
                poll.id,
                rule,
                Verdict(verdict) if verdict else Verdict.EXCLUDE,
                Reason(why) if why else None,
                progress,
            )
    if as_json:
        print_json({"ballots": judged})
    else:
        click.echo(f"{judged:,} {'ballot' if judged == 1 else 'ballots'} changed.")


@click.command()
@click.argument("poll_id", metavar="POLL")
@click.option("--output", "-o", default="-", help="File to write, .gz or not; default: standard output.")
@run
async def bundle(poll_id: str, output: str) -> None:
    """Write the ballots of a closed poll as a file that anybody can recount offline.

    To be published with `static/recount.py`. It has each ballot's pseudonym, answer, standing and minute.
    """
    async with desk() as work:
        with progress_bar("Writing") as progress:
            lines = work.publishing.lines(poll_id, progress)
            first = await anext(lines)
            with _opened(output) as file:
                file.write(first)
                async for line in lines:
                    file.write(line)


def _opened(output: str) -> AbstractContextManager[IO[bytes]]:
    if output == "-":
        return nullcontext(sys.stdout.buffer)
    opened = gzip.open if output.endswith(".gz") else open
    return cast("AbstractContextManager[IO[bytes]]", opened(output, "wb"))


def _hour(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3600, UTC).strftime("%Y-%m-%dT%H:00Z")


def _minute(text: str | None, poll: Poll) -> int | None:
    if text is None:
        return None
    try:
        return minute_of(parse_time(text, ZoneInfo(poll.site.time_zone)))
    except ValueError:
        raise bad(f"{text!r} is no time; give one such as 2026-11-22T18:00Z.") from None
