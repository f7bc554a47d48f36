"""`pollsvc demo`: the service, and a publisher's site on another origin with polls in its articles."""

import asyncio
import os
import secrets
from pathlib import Path

import click
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pollsvc.app import create_app
from pollsvc.cli.context import desk
from pollsvc.cli.server import Server, listen, run_together
from pollsvc.domain.editor import Role
from pollsvc.services.editing.new_poll import NewPoll
from pollsvc.settings import Settings
from pollsvc.storage.migrate import migrate
from pollsvc.web.widget import static_folder

SITE = "The Demo Courier"
EDITOR = "editor"
_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8"}
_POLLS = {
    "poll_who_won_en": ("en", "Who won?", ("Iran", "The United States", "Both", "Neither"), True),
    "poll_mourn_en": ("en", "Mourn or celebrate?", ("Mourn", "Celebrate", "Neither"), False),
    "poll_who_won_ar": ("ar", "من انتصر؟", ("إيران", "الولايات المتحدة", "كلاهما", "لا أحد"), True),
    "poll_mourn_ar": ("ar", "حداد أم احتفال؟", ("حداد", "احتفال", "لا هذا ولا ذاك"), False),
}
"""Language, question, options, and whether the poll is attached to its article: the page names the others."""


@click.command()
@click.option("--port", type=click.IntRange(1, 65534), default=8000, show_default=True, help="The service's.")
@click.option("--site-port", type=click.IntRange(1, 65535), help="The publisher's; default: one more.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that keeps the votes; default: pollsvc-demo in the user's data folder.",
)
def demo(port: int, site_port: int | None, data: Path | None) -> None:
    """Show pollsvc at work: two articles with live polls and the editors' pages, nothing to configure."""
    site_port = site_port or port + 1
    folder = data or Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "pollsvc-demo"
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        database_url=f"sqlite:///{(folder / f'demo-{port}-{site_port}.db').resolve()}",
        secret_keys=(_secret(folder / "secret"),),
        base_url=f"http://127.0.0.1:{port}",
    )
    password = _secret(folder / "password", 12)
    publisher = f"http://127.0.0.1:{site_port}"
    bound, site_bound = listen("127.0.0.1", port), listen("127.0.0.1", site_port)

    def ready() -> None:
        click.echo(
            "\npollsvc demo: read, vote, and watch the result move in a second window.\n\n"
            f"  English article   {publisher}/en.html\n"
            f"  Arabic article    {publisher}/ar.html\n"
            f"  editors' pages    {settings.base_url}/admin\n"
            f"                    name {EDITOR}, password {password}\n"
            f"  votes are kept in {folder}\n\nCtrl-C ends it."
        )

    async def run() -> None:
        await migrate(settings.database_url)  # the demo's votes outlive a release
        polls = await _polls(settings, publisher)
        await _editor(settings, password)
        site = Server(_publisher(settings.base_url, polls), takes_signals=False, grace=1)
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


async def _editor(settings: Settings, password: str) -> None:
    """Have an editor who may do everything."""
    async with desk(settings) as work:
        if not await work.accounts.all():
            await work.accounts.add_editor(EDITOR, Role.ADMIN, password)


async def _polls(settings: Settings, publisher: str) -> dict[str, str]:
    """The ids of the demo's polls by their names in the pages; made at the first run."""
    async with desk(settings) as work:
        sites = [site for site in await work.sites.all() if site.name == SITE]
        site = sites[0] if sites else await work.sites.add(SITE, [publisher], percent_from=1)
        known = {poll.question[poll.lang]: poll.id for poll in await work.editing.polls(site)}
        ids = {}
        for name, (lang, question, options, attached) in _POLLS.items():
            if question not in known:
                new = NewPoll(
                    question,
                    options,
                    lang=lang,
                    allow_change=not attached,
                    articles=[f"{publisher}/{lang}.html"] if attached else [],
                )
                known[question] = (await work.editing.create_poll(site, new)).id
            ids[name] = known[question]
    return ids


def _publisher(service: str, polls: dict[str, str]) -> Starlette:
    """The publisher's site: static pages with the service's address and the polls' ids filled in."""
    policy = (
        f"default-src 'none'; script-src {service}; connect-src {service}; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; require-trusted-types-for 'script'"
    )
    values = {"service": service, **polls}
    files: dict[str, Response] = {}
    for path in (static_folder() / "demo").iterdir():
        if path.suffix in _TYPES:
            text = path.read_text(encoding="utf-8")
            for name, value in values.items():
                text = text.replace("{{" + name + "}}", value)
            headers = {"content-security-policy": policy, "content-type": _TYPES[path.suffix]}
            files[path.name] = Response(text, headers=headers)

    async def page(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name == "favicon.ico":
            return Response(status_code=204)
        return files.get(name) or Response("There is no such page.\n", 404, media_type="text/plain")

    return Starlette(routes=[Route("/", page), Route("/{name}", page)])
