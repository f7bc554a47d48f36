"""`pollsvc migrate`, `pollsvc audit` and `pollsvc purge`."""

import runpy
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from pollsvc.cli.context import (
    database,
    json_option,
    opening,
    print_json,
    progress_bar,
    run,
    settings,
    telling_of_a_new_file,
    upgrade,
)
from pollsvc.domain.clock import rfc3339
from pollsvc.domain.errors import bad
from pollsvc.domain.log import COMMAND_LINE, Entry
from pollsvc.services import purging
from pollsvc.services.audit import audit as recount
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.pinned import Pin, read_pins
from pollsvc.storage.log import all_entries
from pollsvc.storage.purge import wipe
from pollsvc.web.widget import static_folder


@click.command()
@run
async def migrate() -> None:
    """Bring the database to the schema of this release."""
    found = settings()
    with opening(), telling_of_a_new_file(found.database_url):
        before = await upgrade(found)
    click.echo(f"The database is up to date (it was {f'at revision {before}' if before else 'empty'}).")


@click.command()
@click.argument("poll", required=False)
@click.option("--log", "show_log", is_flag=True, help="Show the log of edits first, oldest entry first.")
@click.option(
    "--bundle", type=click.Path(exists=True, dir_okay=False), help="Recount this file; no database is opened."
)
@click.option(
    "--pinned",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare the log with the signed heads in this file: POLLSVC_PIN_FILE, or bodies of webhooks.",
)
@json_option
@run
async def audit(
    poll: str | None, show_log: bool, bundle: str | None, pinned: Path | None, as_json: bool
) -> None:
    """Recount and verify everything, or one POLL, and the log of edits; exit status 1 on any difference."""
    if bundle is not None:
        if pinned is not None:
            raise bad("A bundle is not of this log: give --bundle or --pinned.")
        sys.exit(_recount(bundle, as_json))
    pins = [] if pinned is None else _pins(pinned)
    found = settings().require_secrets()
    async with database(found) as connection:
        log: list[Entry] = []
        if show_log:
            async for page in all_entries(connection):
                if as_json:
                    log += page
                else:
                    _show(page)
        with progress_bar("Recounting") as progress:
            report = await recount(connection, LogKeys(found.secret_keys), poll, progress, pins)
    if as_json:
        more = {"log": [entry._asdict() for entry in log]} if show_log else {}
        print_json({"ok": not report.found, **asdict(report), **more})
    else:
        for difference in report.differences:
            place = f"poll {difference['poll']}: " if difference["poll"] else ""
            click.echo(f"{difference['kind']}: {place}{difference['what']}")
        verdict = f"{report.found} differences" if report.found else "all agree"
        heads = f", {report.pinned} of {len(pins)} pinned heads" if pins else ""
        click.echo(
            f"{report.ballots} ballots in {report.polls} polls, {report.log_entries} entries in the log"
            f"{heads}: {verdict}"
        )
    if report.found:
        sys.exit(1)


@click.command()
@click.option("--dry-run", is_flag=True, help="Say which polls' keys would be destroyed, and delete nothing.")
@json_option
@run
async def purge(dry_run: bool, as_json: bool) -> None:
    """Delete what has had its time, as `pollsvc serve` does by itself every ten minutes.

    Keys of polls that have been closed for POLLSVC_APPEAL_DAYS and the networks of their ballots, salts of
    past days, sessions that are over, and of the log's signed heads that are older than a day all but one an
    hour.
    """
    found = settings()
    appeal = found.appeal_days * purging.DAY
    async with database(found) as connection:
        if dry_run:
            polls = await purging.due(connection, time.time, appeal)
            print_json({"due": polls}) if as_json else click.echo("\n".join([*polls, f"{len(polls)} polls"]))
            return
        purged = await purging.purge(connection, time.time, appeal, COMMAND_LINE)
        wiped = await wipe(connection)
    if as_json:
        print_json({**purged._asdict(), "wiped": wiped})
        return
    click.echo(
        f"Destroyed the keys of {purged.polls} polls and cleared the networks of {purged.ballots} ballots; "
        f"deleted {purged.salts} salts, {purged.sessions} sessions and {purged.heads} heads of the log."
    )
    if not wiped:
        click.echo("The write-ahead log is in use and still holds some of it: run this again.", err=True)


def _pins(file: Path) -> list[Pin]:
    """The heads in a file. Raises PollError when there are none; what cannot be read of it is told."""
    try:
        pins, broken = read_pins(file.read_text(errors="replace"))
    except OSError as error:
        raise bad(f"{file} cannot be read: {error}.") from None
    if not pins:
        raise bad(f"{file} holds no signed head of a log.")
    if broken:
        click.echo(f"{broken} parts of {file} are no signed heads and were passed over.", err=True)
    return pins


def _recount(bundle: str, as_json: bool) -> int:
    """Recount a poll's published ballots with the script that everybody has."""
    script = runpy.run_path(str(static_folder() / "recount.py"))
    with progress_bar("Recounting") as progress:
        try:
            found = script["recount"](bundle, progress=progress)
        except (OSError, EOFError, ValueError, TypeError, KeyError) as error:
            raise bad(f"{bundle} cannot be recounted: {error}.") from error
    if as_json:
        print_json(found)
    else:
        for difference in found["differences"]:
            click.echo(difference)
        click.echo("\n".join([found["question"], *script["sentences"](found)]))
        click.echo("all agree" if found["ok"] else "not so")
    return 0 if found["ok"] else 1


def _show(entries: Sequence[Entry]) -> None:
    for entry in entries:
        click.echo(
            f"{entry.number:>6}  {rfc3339(entry.at)}  {entry.actor_name}  {entry.action}  "
            f"{entry.subject}  {entry.before} → {entry.after}"
        )
