"""A service with one of everything, so that every address of the table of routes leads somewhere."""

import hashlib
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from pollsvc.domain.editor import ApiKey, Role, Scope
from pollsvc.domain.log import Actor
from pollsvc.domain.webhook import Event
from pollsvc.services.accounts.api_keys import ApiKeys
from pollsvc.services.editing.sites import Sites
from pollsvc.services.webhooks.webhooks import Webhooks
from pollsvc.storage.database import Connection
from tests.support.editors import add_editor
from tests.support.reader import Http, Reader
from tests.support.routes import Call
from tests.support.server import SITE, Service, open_connection, run_service, until

ARTICLE = "https://news.example/story"
HOOKS = "https://cms.example"
OWN = "My own answer"
_ACTOR = Actor("editor", "adm", "anna")
_TOUCHED = {"sessions": {"seen_at"}, "api_keys": {"used_at"}, "webhooks": {"held_until"}}
_IN_THE_BACKGROUND = {
    "outbox",
    "unsealed",
    "watches",
    "log_runs",
    "log_tiles",
    "checkpoints",
    "log_keys",
    "salts",
}
"""Tables that move without being asked to; of others, columns do."""
_WITH_THE_LOGS_OWN = {"past_leaves", "poll_versions"}
"""Tables with leaves of no poll, which say how the log of edits ends."""


class Furnished(NamedTuple):
    """The service, the parameters of its routes by name, and an API key that may do everything."""

    service: Service
    ids: Mapping[str, str]
    api_key: str

    def address(self, call: Call) -> str:
        """Where a call leads to something, with the query that it needs."""
        poll = self.ids["poll"]
        queries = {
            **{"/api/v1/live": f"poll={poll}", "/api/v1/polls": f"id={poll}"},
            **dict.fromkeys(("/api/v1/articles", "/api/v1/admin/articles"), f"url={ARTICLE}"),
            "/oembed": f"url={self.service.env['POLLSVC_BASE_URL']}/p/{poll}",
            **dict.fromkeys(("/api/v1/log/inclusion", "/api/v1/log/standing"), f"poll={poll}&number=1"),
            "/api/v1/log/consistency": "from=1",
            "/admin/polls/new": f"site={self.ids['site']}",
        }
        rest = {"/embed/{rest:path}": poll, "/p/{rest:path}": "x/y", "/s/{rest:path}": "x/y"}
        name = {"/admin/static/{name}": "admin.css"}.get(call.path, "1.js")
        path = call.to(
            {
                **self.ids,
                "level": "0",
                "index": "000.p/1",
                "rest": rest.get(call.path, "nowhere"),
                "name": name,
            }
        )
        return f"{path}?{queries[call.path]}" if call.path in queries else path

    def state(self) -> dict[str, str]:
        """A digest of each table's rows, but for what moves in the background."""
        with closing(sqlite3.connect(self.service.database_url.removeprefix("sqlite:///"))) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return {name: self._digest(database, name) for (name,) in tables}

    @staticmethod
    def _digest(database: sqlite3.Connection, table: str) -> str:
        if table in _IN_THE_BACKGROUND:
            return ""
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        kept = ", ".join(name for name in columns if name not in _TOUCHED.get(table, ()))
        where = "WHERE poll_id <> ''" if table in _WITH_THE_LOGS_OWN else ""
        rows = sorted(repr(row) for row in database.execute(f"SELECT {kept} FROM {table} {where}"))
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()


@asynccontextmanager
async def furnished(folder: Path, **env: str) -> AsyncIterator[Furnished]:
    """A site, a poll with votes and a text of a reader's, an image, an editor, an API key and a webhook."""
    settings = {"POLLSVC_WEBHOOK_ORIGINS": HOOKS, **env}
    async with run_service(folder, env=settings, site=True) as service:
        poll = await service.add_poll(articles=[ARTICLE], write_in=True)
        async with open_connection(service.database_url) as connection:
            site = await Sites(connection, time.time).get(SITE)
            key, text = await _add_key(connection)
            hooks = Webhooks(connection, time.time, [HOOKS], _ACTOR)
            hook, _ = await hooks.add(site, f"{HOOKS}/hook", tuple(Event))
        editor = await add_editor(service.database_url, Role.EDITOR)
        async with Http(service.base_url) as http:
            assert (await Reader(http).vote(poll, 1)).status == 201
            written = await http.post_vote(poll, {"selection": [OWN], "idempotency_key": "k" * 22})
            assert written.status == 201, written
            bearer = {"Authorization": f"Bearer {text}"}
            image = await http.request("POST", "/api/v1/admin/images", data=_png(), headers=bearer)
            assert image.status == 201, image
            await until(lambda: _is_sealed(http, poll))
        yield Furnished(
            service,
            {
                **{"poll": poll, "site": site.id, "editor": editor.id, "key": key.id, "webhook": hook.id},
                **{"image": image.json["id"], "option": str(written.json["selection"][0])},
            },
            text,
        )


async def key_for(service: Service) -> str:
    """An API key that may do everything."""
    async with open_connection(service.database_url) as connection:
        return (await _add_key(connection))[1]


async def _add_key(connection: Connection) -> tuple[ApiKey, str]:
    return await ApiKeys(connection, time.time, _ACTOR).create("CMS", tuple(Scope), None)


async def _is_sealed(http: Http, poll: str) -> bool:
    return (await http.get(f"/api/v1/log/inclusion?poll={poll}&number=1")).status == 200


def _png() -> bytes:
    content = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(content, "PNG")
    return content.getvalue()
