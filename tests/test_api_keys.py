"""API keys: shown once, recognised by a hash, revoked for good."""

import json
import time
from collections.abc import AsyncIterator

import pytest

from pollsvc.domain.editor import Role, Scope
from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.log import Actor
from pollsvc.services.accounts.api_keys import TOUCH, ApiKeys
from pollsvc.services.accounts.passwords import Passwords
from pollsvc.services.desk import Desk, Means
from pollsvc.services.editing.sites import Sites
from pollsvc.storage import log
from pollsvc.storage.database import Connection
from pollsvc.storage.pool import Pool
from tests.support.editors import Clock, signed_in
from tests.support.server import SITE, Service, add_site, open_connection

SCOPES = (Scope.POLLS_WRITE, Scope.POLLS_READ)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    await add_site(database_url)
    async with open_connection(database_url) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(connection: Connection, clock: Clock) -> ApiKeys:
    return ApiKeys(connection, clock, Actor("editor", "tester", "tester"))


async def refused(keys: ApiKeys, text: str) -> Code:
    with pytest.raises(PollError) as error:
        await keys.authenticate(text)
    return error.value.code


async def test_a_key_is_known_by_its_text_of_which_only_a_hash_is_kept(
    connection: Connection, keys: ApiKeys, clock: Clock
) -> None:
    site = await Sites(connection, clock).get(SITE)
    key, text = await keys.create(" the  CMS ", SCOPES, site)
    assert text.startswith(f"pollsvc_{key.id}_")
    assert len(text) == len("pollsvc_") + 10 + 1 + 43
    found = await keys.authenticate(text)
    assert found == key
    assert (found.name, found.scopes, found.site) == ("the CMS", frozenset(SCOPES), site.id)
    assert (await keys.create("all", [Scope.LOG_READ], None))[0].site is None
    secret = text[-43:]
    for table in ("api_keys", "audit_log"):
        assert secret not in str(await connection.rows(f"SELECT * FROM {table}"))


async def test_other_texts_are_refused(keys: ApiKeys) -> None:
    key, text = await keys.create("cms", SCOPES, None)
    other, other_text = await keys.create("other", SCOPES, None)
    wrong = [
        *("", "pollsvc_", "pollsvc__", text[:-1], text + "x", text.upper(), text.removeprefix("pollsvc_")),
        *(f"pollsvc_{key.id}_", f"pollsvc_{key.id}", f"pollsvc_{key.id}_{other_text[-43:]}", "x" * 10_000),
        *(f"pollsvc_{other.id}_{text[-43:]}", f"pollsvc_nobody_{text[-43:]}", f" {text}", "pollsvc_é_ü"),
    ]
    assert {await refused(keys, one) for one in wrong} == {Code.BAD_API_KEY}
    assert (await keys.authenticate(text)).id == key.id


async def test_a_revoked_key_is_refused_for_good(connection: Connection, keys: ApiKeys) -> None:
    key, text = await keys.create("cms", SCOPES, None)
    await keys.authenticate(text)
    await keys.revoke(key.id)
    await keys.revoke(key.id)
    assert await refused(keys, text) is Code.BAD_API_KEY
    assert [one.revoked_at is not None for one in await keys.all()] == [True]
    with pytest.raises(PollError) as unknown:
        await keys.revoke("nobody")
    assert unknown.value.code is Code.NOT_FOUND
    entries = await log.entries(connection)
    assert [(one.actor, one.action, one.subject) for one in reversed(entries[:2])] == [
        ("editor:tester", "key.add", f"key:{key.id}"),
        ("editor:tester", "key.revoke", f"key:{key.id}"),
    ]
    assert json.loads(entries[1].after) == {
        "name": "cms",
        "scopes": ["polls:read", "polls:write"],
        "site": None,
    }


async def test_a_keys_use_is_noted_once_a_minute(keys: ApiKeys, clock: Clock) -> None:
    _, text = await keys.create("cms", SCOPES, None)
    assert (await keys.all())[0].used_at is None
    began, used = int(clock.now), []
    for _ in range(4):
        await keys.authenticate(text)
        found = (await keys.all())[0].used_at
        assert found is not None
        used.append(found - began)
        clock.now += TOUCH / 2
    assert used == [0, 0, 60, 60]


@pytest.mark.parametrize(
    ("name", "scopes"), [("", SCOPES), ("x" * 101, SCOPES), ("a\0b", SCOPES), ("cms", ())]
)
async def test_keys_that_cannot_be(keys: ApiKeys, name: str, scopes: tuple[Scope, ...]) -> None:
    with pytest.raises(PollError) as error:
        await keys.create(name, scopes, None)
    assert error.value.code is Code.BAD_REQUEST
    assert await keys.all() == []


async def test_what_a_key_does_is_logged_as_its(connection: Connection, keys: ApiKeys, clock: Clock) -> None:
    key, text = await keys.create("cms", [Scope.SITES_WRITE], None)
    pool = Pool(connection._url, 2, connection.stamp)
    async with Desk(pool, Means(clock, Passwords())).open() as work:
        found = await work.api_keys.authenticate(text)
        await work.by(found.actor).sites.add("Gazette", ["https://gazette.example"])
    await pool.stop()
    entry = (await log.entries(connection))[0]
    assert (entry.actor, entry.actor_name, entry.action) == (f"key:{key.id}", "cms", "site.add")


async def test_the_commands(service: Service) -> None:
    made = await service.cli("apikey", "add", "cms", "--scope", "polls:read", "--site", SITE)
    assert made["key"].startswith(f"pollsvc_{made['id']}_")
    plain = await service.run("apikey", "add", "other", "--scope", "log:read", "--scope", "polls:read")
    async with open_connection(service.database_url) as connection:
        keys = ApiKeys(connection, time.time)
        assert (await keys.authenticate(plain.strip())).scopes == {Scope.LOG_READ, Scope.POLLS_READ}
    assert (await service.cli("apikey", "revoke", made["id"]))["revoked"]
    listed = await service.cli("apikey", "list")
    assert {one["name"]: one["revoked_at"] is None for one in listed} == {"cms": False, "other": True}
    assert made["key"] not in str(listed)


async def test_the_page(service: Service) -> None:
    async with signed_in(service.base_url, service.database_url, Role.ADMIN) as http:
        none = await http.send("/admin/keys", {"name": "cms"})
        assert none.status == 400
        assert "without scopes" in none.body.decode()
        form = {"name": "<cms>", "scope:polls:read": "1", "scope:nonsense": "1", "for": ""}
        assert (await http.send("/admin/keys", {**form, "for": "nowhere"})).status == 400
        shown = (await http.send("/admin/keys", form)).body.decode()
        assert "&lt;cms&gt;" in shown
        text = shown.partition("<code>pollsvc_")[2].partition("</code>")[0]
        async with open_connection(service.database_url) as connection:
            key = await ApiKeys(connection, time.time).authenticate(f"pollsvc_{text}")
        assert (key.scopes, key.site) == (frozenset({Scope.POLLS_READ}), None)
        page = (await http.get("/admin/keys")).body.decode()
        assert key.id in page
        assert text not in page
        gone = await http.send(f"/admin/keys/{key.id}/revoke")
        assert gone.headers["location"].endswith("/admin/keys?done=key_revoked")
        assert "The key is revoked." in (await http.get("/admin/keys?done=key_revoked")).body.decode()
        assert (await http.send("/admin/keys/nobody/revoke")).status == 404
