"""`pollsvc keys`: secrets."""

import os
import secrets

import click

from pollsvc.settings import Settings


@click.group()
def keys() -> None:
    """Make and rotate the secret keys."""


@keys.command()
def rotate() -> None:
    """Print POLLSVC_SECRET_KEYS with a new key added at the end.

    The last key signs, all of them verify. Where several processes are restarted one after the other, first
    give all of them the new key at the front of the list, so that they know it, and then the printed list.
    Old keys go once no token signed by them matters any more; the one before the last signs the log of
    ballots over to the new key, at the first vote.
    """
    known = Settings.from_environment(os.environ).secret_keys
    click.echo(",".join([*known, secrets.token_urlsafe(32)]))
