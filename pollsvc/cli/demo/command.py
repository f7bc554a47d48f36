"""`pollsvc demo`: the service, and a publisher's site on another origin with polls in its articles."""

import asyncio
import os
import secrets
from pathlib import Path

import click

from pollsvc.app import create_app
from pollsvc.cli.context import desk, upgrade
from pollsvc.cli.demo.polls import have_polls, have_site
from pollsvc.cli.demo.publisher import publisher
from pollsvc.cli.server import Server, listen, run_together
from pollsvc.domain.editor import Role
from pollsvc.services.desk import Work
from pollsvc.settings import Settings

EDITOR = "editor"


@click.command()
@click.option("--port", type=click.IntRange(1, 65534), default=8000, show_default=True, help="The service's.")
@click.option("--site-port", type=click.IntRange(1, 65535), help="The publisher's; default: one more.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that keeps the votes; default: pollsvc-demo in the user's data folder.",
)
def demo(port: int, site_port: int | None, data: Path | None) -> None:
    """Show pollsvc at work: a site with live polls and the editors' pages, nothing to configure."""
    site_port = site_port or port + 1
    folder = data or Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "pollsvc-demo"
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        database_url=f"sqlite:///{(folder / f'demo-{port}-{site_port}.db').resolve()}",
        secret_keys=(_secret(folder / "secret"),),
        base_url=f"http://127.0.0.1:{port}",
    )
    password = _secret(folder / "password", 12)
    origin = f"http://127.0.0.1:{site_port}"
    others = [f"http://{host}:{site_port}" for host in ("localhost", "www.localhost")]
    bound, site_bound = listen("127.0.0.1", port), listen("127.0.0.1", site_port)

    def ready() -> None:
        click.echo(
            "\npollsvc demo: read, vote, and watch the result move in a second window.\n\n"
            f"  English article   {origin}/en.html\n"
            f"  Arabic article    {origin}/ar.html\n"
            f"  ways to embed     {origin}/hosts.html\n"
            f"  every look        {origin}/gallery.html\n"
            f"  editors' pages    {settings.base_url}/admin\n"
            f"                    name {EDITOR}, password {password}\n"
            f"  votes are kept in {folder}\n\nCtrl-C ends it."
        )

    async def run() -> None:
        await upgrade(settings)  # the demo's votes outlive a release
        async with desk(settings) as work:
            polls, by_city = await have_polls(work, await have_site(work, [origin, *others]), origin)
            await _have_editor(work, password)
        pages = publisher(settings.base_url, origin, polls, by_city)
        site = Server(pages, takes_signals=False, grace=1)
        service = Server(create_app(settings), on_ready=ready, grace=1)
        await run_together(service, bound, site, site_bound)

    asyncio.run(run())


def _secret(path: Path, size: int = 32) -> str:
    """A secret of the demo, made at the first run of so many random bytes."""
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(size))
        draft.rename(path)
    return path.read_text()


async def _have_editor(work: Work, password: str) -> None:
    """Have an editor who may do everything."""
    if not await work.accounts.all():
        await work.accounts.add_editor(EDITOR, Role.ADMIN, password)
