"""`pollsvc migrate` and `pollsvc audit`."""

import sys
from dataclasses import asdict

import click

from pollsvc.cli.context import database, json_option, opening, print_json, run, settings
from pollsvc.services.audit import audit as recount
from pollsvc.services.receipts import Receipts
from pollsvc.storage import migrate as migration


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
@json_option
@run
async def audit(poll: str | None, as_json: bool) -> None:
    """Recount and verify everything, or one POLL; exit status 1 on any difference."""
    found = settings().require_secrets()
    async with database(found) as connection:
        hidden = not sys.stderr.isatty()
        with click.progressbar(length=1, label="Recounting", file=sys.stderr, hidden=hidden) as bar:

            def progress(done: int, total: int) -> None:
                bar.length = max(total, 1)
                bar.update(done - bar.pos)

            report = await recount(connection, Receipts(found.secret_keys), poll, progress)
    if as_json:
        print_json({"ok": not report.found, **asdict(report)})
    else:
        for difference in report.differences:
            click.echo(f"{difference['kind']}: poll {difference['poll']}: {difference['what']}")
        verdict = f"{report.found} differences" if report.found else "all agree"
        click.echo(f"{report.ballots} ballots in {report.polls} polls: {verdict}")
    if report.found:
        sys.exit(1)
