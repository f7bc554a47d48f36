"""`pollsvc migrate` and `pollsvc audit`."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

import click

from pollsvc.cli.context import database, json_option, opening, print_json, progress_bar, run, settings
from pollsvc.domain.clock import rfc3339
from pollsvc.domain.log import Entry
from pollsvc.services.audit import audit as recount
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.storage import migrate as migration
from pollsvc.storage.log import all_entries


@click.command()
@run
async def migrate() -> None:
    """Bring the database to the schema of this release."""
    url = settings().database_url
    with opening():
        before = await migration.migrate(url)
    click.echo(f"The database is up to date (it was {f'at revision {before}' if before else 'empty'}).")


@click.command()
@click.argument("poll", required=False)
@click.option("--log", "show_log", is_flag=True, help="Show the log of edits first, oldest entry first.")
@json_option
@run
async def audit(poll: str | None, show_log: bool, as_json: bool) -> None:
    """Recount and verify everything, or one POLL, and the log of edits; exit status 1 on any difference."""
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
            report = await recount(connection, LogKeys(found.secret_keys), poll, progress)
    if as_json:
        more = {"log": [entry._asdict() for entry in log]} if show_log else {}
        print_json({"ok": not report.found, **asdict(report), **more})
    else:
        for difference in report.differences:
            place = f"poll {difference['poll']}: " if difference["poll"] else ""
            click.echo(f"{difference['kind']}: {place}{difference['what']}")
        verdict = f"{report.found} differences" if report.found else "all agree"
        click.echo(
            f"{report.ballots} ballots in {report.polls} polls, {report.log_entries} entries in the log: "
            f"{verdict}"
        )
    if report.found:
        sys.exit(1)


def _show(entries: Sequence[Entry]) -> None:
    for entry in entries:
        click.echo(
            f"{entry.number:>6}  {rfc3339(entry.at)}  {entry.actor_name}  {entry.action}  "
            f"{entry.subject}  {entry.before} → {entry.after}"
        )
