"""The command `pollsvc` and all its subcommands."""

import sys

import click

from pollsvc import __version__
from pollsvc.cli.backup import backup, restore
from pollsvc.cli.database import audit, migrate, purge
from pollsvc.cli.demo import demo
from pollsvc.cli.editors import apikey, editor
from pollsvc.cli.keys import keys
from pollsvc.cli.polls import poll, results
from pollsvc.cli.serve import serve
from pollsvc.cli.sites import site
from pollsvc.cli.webhooks import webhook
from pollsvc.domain.errors import PollError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Reader polls for news articles: one signed vote per reader, live results.

    Settings are POLLSVC_* variables; docs/settings.md lists them. Try `pollsvc demo` first.
    """


COMMANDS = (
    *(
        apikey,
        audit,
        backup,
        demo,
        editor,
        keys,
        migrate,
        poll,
        purge,
        restore,
        results,
        serve,
        site,
        webhook,
    ),
)
for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line; a PollError becomes one line on standard error and exit status 2."""
    try:
        cli(prog_name="pollsvc")
    except PollError as error:
        click.echo(f"pollsvc: {error.message}", err=True)
        sys.exit(2)
