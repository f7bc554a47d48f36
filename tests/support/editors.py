"""Editors of the tests: accounts, sessions and browsers, without waiting for a password to be hashed."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from typing import Any

from pollsvc.domain.editor import Editor, Role
from pollsvc.services.accounts.sessions import new_session
from pollsvc.services.ids import new_id
from pollsvc.storage import accounts
from tests.support.reader import Answer, Http
from tests.support.server import open_connection

COOKIE = "pollsvc"
ABSENT = "absent"
"""The value of an Origin header that is not sent."""
PASSWORD = "correct horse battery staple"

Fields = Mapping[str, str] | Sequence[tuple[str, str]]


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class EditorHttp(Http):
    """A browser of an editor: it keeps the admin's cookie, and its forms come from the service's pages."""

    secret = ""

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        headers = dict(options.pop("headers", {}))
        if method != "GET":
            headers.setdefault("Origin", self.base_url)
        headers = {name: value for name, value in headers.items() if value != ABSENT}
        if self.secret:
            headers["Cookie"] = f"{COOKIE}={self.secret}"
        answer = await super().request(method, path, headers=headers, **options)
        sent = SimpleCookie(answer.headers.get("set-cookie", "")).get(COOKIE)
        if sent is not None:
            self.secret = sent.value
        return answer

    async def send(self, path: str, fields: Fields = (), **headers: str) -> Answer:
        """Send a form; an underscore in a header's name stands for a hyphen."""
        return await self.request(
            "POST",
            path,
            data=list(fields.items() if isinstance(fields, Mapping) else fields),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )

    async def sign_in(self, name: str, password: str = PASSWORD, **fields: str) -> Answer:
        """Send the form of the sign-in page."""
        return await self.send("/admin/sign-in", {"name": name, "password": password, **fields})


async def add_editor(url: str, role: Role, name: str | None = None) -> Editor:
    """Add an editor who has no password."""
    id_ = new_id(10)
    editor = Editor(id_, name or f"{role}-{id_}", role, int(time.time()), disabled=False)
    async with open_connection(url) as connection:
        assert await accounts.insert_editor(connection, editor, "none")
    return editor


async def add_session(url: str, editor: Editor) -> str:
    """Begin a session of an editor; its secret."""
    secret, session = new_session(editor, int(time.time()))
    async with open_connection(url) as connection:
        await accounts.insert_session(connection, session)
    return secret


@asynccontextmanager
async def signed_in(base_url: str, url: str, role: Role = Role.ADMIN) -> AsyncIterator[EditorHttp]:
    """The browser of a new editor who is signed in to the service at `base_url` with the database `url`."""
    async with EditorHttp(base_url) as http:
        http.secret = await add_session(url, await add_editor(url, role))
        yield http
