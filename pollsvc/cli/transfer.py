"""`pollsvc poll export`, `import` and `import-wp-polls`."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

import click

from pollsvc.cli.context import choice, database, json_option, print_json, progress_bar, run, settings
from pollsvc.domain.clock import zone_named
from pollsvc.domain.errors import bad
from pollsvc.domain.log import COMMAND_LINE
from pollsvc.services.editing.sites import Sites
from pollsvc.services.exports.export import Wanted, export_to
from pollsvc.services.exports.formats import Format
from pollsvc.services.exports.sections import What
from pollsvc.services.imports import wp_polls
from pollsvc.services.imports.intake import Imported, describe_import, describe_imports
from pollsvc.services.imports.polls import import_poll
from pollsvc.services.imports.wp_import import import_wp_polls as import_all
from pollsvc.services.watching.timeline import Bucket

_CSV = click.File("r", encoding="utf-8")


@click.command()
@click.argument("poll_id", metavar="POLL")
@click.option(
    "--what",
    type=choice(What),
    help="What to export; default: all, and as CSV the tally.",
)
@click.option("--format", "format_", type=choice(Format), default="json", show_default=True)
@click.option("--bucket", type=choice(Bucket), default="hour", show_default=True, help="Step of the series.")
@click.option("--time-zone", help="Where days and hours begin; default: the site's time zone.")
@click.option("--lang", help="Language of the labels; default: the poll's first.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file; default: stdout.")
@run
async def export(
    poll_id: str,
    what: str | None,
    format_: str,
    bucket: str,
    time_zone: str | None,
    lang: str | None,
    output: Path | None,
) -> None:
    """Export a poll: its definition, numbers and anonymous ballots.

    `--what all` is what `poll import` reads; as NDJSON, of any size.
    """
    kind = Format(format_)
    wanted = Wanted(
        what=What(what or (What.TALLY if kind is Format.CSV else What.ALL)),
        format=kind,
        bucket=Bucket(bucket),
        zone=zone_named(time_zone) if time_zone else None,
        lang=lang,
    )
    async with database(settings()) as connection:
        with progress_bar("Exporting") as progress, _target(output) as file:
            await export_to(file, connection, poll_id, wanted, time.time(), progress)


@contextmanager
def _target(output: Path | None) -> Iterator[BinaryIO]:
    """Where to write to: a file is there as a whole afterwards, or not at all when the block raises."""
    if output is None or output == Path("-"):
        yield sys.stdout.buffer
        return
    regular = output.is_file() or not output.exists()  # not a device or a pipe
    path = output.with_name(output.name + ".part") if regular else output
    try:
        file = path.open("wb")
    except OSError as error:
        raise bad(f"{output} cannot be written ({error.strerror}); choose another --output.") from error
    try:
        with file:
            yield file
        if regular:
            path.replace(output)
    finally:
        if regular:
            path.unlink(missing_ok=True)


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--site", "site_name", required=True, help="The site's name or id.")
@click.option("--attach", is_flag=True, help="Put the poll on the articles where it stood.")
@json_option
@run
async def import_(file: BinaryIO, site_name: str, attach: bool, as_json: bool) -> None:
    """Import a poll from FILE (- is stdin), which `poll export` wrote with --what all.

    It becomes a new poll, with ballots and all; readers see nothing of it before it is complete.
    """
    found = settings().require_secrets()
    async with database(found) as connection:
        site = await Sites(connection, time.time).get(site_name)
        with progress_bar("Importing") as progress:
            made = await import_poll(
                connection,
                site,
                file,
                COMMAND_LINE,
                clock=time.time,
                attach=attach,
                progress=progress,
            )
    if as_json:
        print_json(describe_import(made))
    else:
        _tell(made)


@click.command("import-wp-polls")
@click.option("--dump", type=click.File("rb"), help="A SQL dump of WordPress, plain or gzipped.")
@click.option("--questions", type=_CSV, help="The table pollsq as CSV.")
@click.option("--answers", type=_CSV, help="The table pollsa as CSV.")
@click.option("--log", type=_CSV, help="The table pollsip as CSV: who voted when.")
@click.option("--site", "site_name", required=True, help="The site's name or id.")
@click.option("--time-zone", help="The time zone that WordPress is set to; default: the site's.")
@click.option("--lang", help="The language of questions and answers; default: the site's.")
@click.option("--keep-open", is_flag=True, help="Leave polls open that are open in WordPress.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be imported.")
@json_option
@run
async def import_wp_polls(
    dump: BinaryIO | None,
    questions: TextIO | None,
    answers: TextIO | None,
    log: TextIO | None,
    site_name: str,
    time_zone: str | None,
    lang: str | None,
    keep_open: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import all polls of the WordPress plugin WP-Polls, with their votes.

    From a dump of the database (--dump), or from its tables as CSV (--questions, --answers and, if there is
    one, --log). The polls are closed here unless --keep-open is given.
    """
    found = settings() if dry_run else settings().require_secrets()
    async with database(found) as connection:
        site = await Sites(connection, time.time).get(site_name)
        at = zone_named(time_zone or site.time_zone)
        if dump and not (questions or answers or log):
            polls = wp_polls.read_dump(dump, at)
        elif questions and answers and not dump:
            polls = wp_polls.read_csv(questions, answers, log, at)
        else:
            raise bad("Give either --dump, or --questions and --answers with or without --log.")
        with progress_bar("Importing") as progress:
            made = await import_all(
                connection,
                site,
                polls,
                COMMAND_LINE,
                clock=time.time,
                keep_open=keep_open,
                lang=lang,
                dry_run=dry_run,
                progress=progress,
            )
    _summarise(made, dry_run, as_json)


def _summarise(made: Sequence[Imported], dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(describe_imports(made, dry_run=dry_run))
        return
    for each in made:
        _tell(each, dry_run)
    polls = sum(each.poll is not None for each in made)
    votes = sum(each.ballots for each in made)
    would = "Would import" if dry_run else "Imported"
    click.echo(f"{would} {polls:,} polls with {votes:,} votes; {len(made) - polls:,} left out.")


def _tell(made: Imported, dry_run: bool = False) -> None:
    name = "left out" if made.poll is None else "new" if dry_run else made.poll.id
    click.echo(f"{name:<10}  {made.ballots:>9,} ballots  {made.question}")
    for note in made.notes:
        click.echo(f"{'':<12}- {note}")
