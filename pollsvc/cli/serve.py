"""`pollsvc serve`."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import click

from pollsvc.cli.context import database, opening, settings, upgrade
from pollsvc.cli.logs import set_up_logs, tell
from pollsvc.cli.server import listen, run_one, run_workers
from pollsvc.services.ballot_log.pinning import require_pin_file
from pollsvc.settings import Settings
from pollsvc.storage.migrate import outdated
from pollsvc.web.widget import Assets


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@click.option("--database-url", help="Instead of POLLSVC_DATABASE_URL.")
@click.option("--base-url", help="Instead of POLLSVC_BASE_URL.")
@click.option("--allowed-hosts", help="Instead of POLLSVC_ALLOWED_HOSTS.")
@click.option("--admission", help="Instead of POLLSVC_ADMISSION.")
@click.option("--trusted-proxies", help="Instead of POLLSVC_TRUSTED_PROXIES.")
def serve(host: str, port: int, workers: int, **flags: str | None) -> None:
    """Serve polls, until Ctrl-C or SIGTERM."""
    read = partial(_read, f"[{host}]" if ":" in host else host, port, flags)
    found = read()
    set_up_logs(found)
    if found.pin_file:
        require_pin_file(found.pin_file)
    asyncio.run(_prepare(found))
    bound = listen(host, port)

    def ready() -> None:
        assets = Assets()
        script, integrity = f"{found.base_url}/w/{assets.immutable_name}", assets.widget.integrity
        processes = "one process" if workers == 1 else f"{workers} processes"
        say = tell if found.log_format == "json" else partial(click.echo, err=True)
        say(f"pollsvc listens on {host}:{port} with {processes}, public as {found.base_url}; Ctrl-C ends it.")
        if workers > 1 and not found.redis_url:
            say(
                f"Each of the {workers} processes keeps its own pace of votes, so that a network may cast "
                f"{workers} times as many: POLLSVC_REDIS_URL has them keep one."
            )
        say(f'Pinned: <script async src="{script}" integrity="{integrity}" crossorigin>')

    if workers == 1:
        run_one(read, bound, ready)
    else:
        run_workers(read, bound, workers, ready)


def _read(host: str, port: int, flags: Mapping[str, str | None]) -> Settings:
    """The settings, by flag, variable or file, as they are now. Raises PollError for one that cannot work."""
    found = settings(**flags)
    if not found.base_url:
        found = settings(**{**flags, "base_url": f"http://{host}:{port}"})
    return replace(found.require_secrets(), allowed_hosts=(*found.allowed_hosts, host.lower()))


async def _prepare(found: Settings) -> None:
    """Bring a database of an earlier release up to date; until that is done nobody is listened to.

    Raises PollError when the database is away, of a newer release, damaged, or read-only.
    """
    with opening():
        if revision := await outdated(found.database_url):
            click.echo(
                f"The database is of an earlier release ({revision}) and is being brought up to date: "
                "half a minute for a million ballots. Breaking it off changes nothing.",
                err=True,
            )
            await upgrade(found)
    async with database(found) as connection, connection.transaction():
        pass
