"""`pollsvc backup` and `pollsvc restore`."""

import os
import sys
import time
from pathlib import Path

import click

from pollsvc.cli.context import database, json_option, print_json, progress_bar, run, settings, upgrade
from pollsvc.domain.errors import bad
from pollsvc.domain.log import COMMAND_LINE
from pollsvc.services import purging
from pollsvc.services.audit import Report, audit
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.settings import Settings
from pollsvc.storage import backup as store
from pollsvc.storage.purge import wipe
from pollsvc.storage.sqlite_file import file_of

_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, resolve_path=True))


@click.command()
@_FILE
@click.option("--no-audit", is_flag=True, help="Check the file only, do not recount the ballots in it.")
@json_option
@run
async def backup(file: Path, no_audit: bool, as_json: bool) -> None:
    """Copy the database of a service, which may run on, into a new FILE, and recount the copy.

    It holds what the database holds, so keep it as safe. For PostgreSQL there is pg_dump: docs/deploy.md.
    """
    found = settings().require_secrets()
    source = _sqlite(found)
    _require_new(file)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with progress_bar("Copying") as progress:
            store.copy(source, draft, progress)
        report = None if no_audit else await _recount(found, draft)
        store.settle(draft)
        draft.rename(file)
    finally:
        store.discard(draft)
    _tell(report, f"{file} holds the database as it was", {"file": str(file)}, as_json)
    sys.exit(1 if report and report.found else 0)


@click.command()
@_FILE
@click.option("--anyway", is_flag=True, help="Restore a file whose ballots do not add up, too.")
@json_option
@run
async def restore(file: Path, anyway: bool, as_json: bool) -> None:
    """Put a copy that `pollsvc backup` made in the place of the database, whose service is to be stopped.

    It is checked and recounted first, brought to this release's schema, and what has had its time since then
    is deleted from it again. What was there before is kept beside it. FILE stays as it is.
    """
    found = settings().require_secrets()
    target = _sqlite(found)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with store.unused(target), progress_bar("Copying") as progress:
            store.copy(file, draft, progress)
            await upgrade(_at(found, draft))
            report = await _recount(found, draft)
            if report.found and not anyway:
                _tell(report, f"{file} was not restored", {"restored": False}, as_json)
                sys.exit(1)
            async with database(_at(found, draft)) as connection:
                await purging.purge(connection, time.time, found.appeal_days * purging.DAY, COMMAND_LINE)
                await wipe(connection)
            store.settle(draft)
            aside = store.replace(target, draft)
    finally:
        store.discard(draft)
    kept = f"; what was there is {aside}" if aside else ""
    answer: dict[str, object] = {"restored": True, "aside": str(aside) if aside else None}
    _tell(report, f"{target} is what {file} holds{kept}", answer, as_json)


def _sqlite(found: Settings) -> Path:
    file = file_of(found.database_url)
    if file is None:
        raise bad("POLLSVC_DATABASE_URL is PostgreSQL's: use pg_dump and pg_restore, as docs/deploy.md says.")
    return file


def _require_new(file: Path) -> None:
    if file.exists():
        raise bad(f"{file} is there already; give another name.")


def _at(found: Settings, file: Path) -> Settings:
    return Settings(f"sqlite:///{file}", found.secret_keys)


async def _recount(found: Settings, file: Path) -> Report:
    async with database(_at(found, file)) as connection:
        with progress_bar("Recounting") as progress:
            return await audit(connection, LogKeys(found.secret_keys), None, progress)


def _tell(report: Report | None, said: str, answer: dict[str, object], as_json: bool) -> None:
    if as_json:
        counts = {"polls": report.polls, "ballots": report.ballots, "found": report.found} if report else {}
        print_json({**answer, **counts})
        return
    if report is None:
        click.echo(f"{said}.")
        return
    for difference in report.differences:
        click.echo(f"{difference['kind']}: {difference['what']}")
    verdict = f"{report.found} differences" if report.found else "all agree"
    click.echo(f"{said}: {report.ballots} ballots in {report.polls} polls, {verdict}.")
