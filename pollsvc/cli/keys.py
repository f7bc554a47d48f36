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

    Every process must know a new key before any of them signs with it: give all of them the printed list.
    Old keys go from its front once no token or ballot signed by them matters any more.
    """
    known = Settings.from_environment(os.environ).secret_keys
    click.echo(",".join([*known, secrets.token_urlsafe(32)]))
