"""Signing in and staying signed in: who guesses waits, names stay unknown, sessions end."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from pollsvc.domain.editor import Role
from pollsvc.domain.errors import Code, PollError
from pollsvc.services.accounts.editors import Accounts
from pollsvc.services.accounts.passwords import Passwords
from pollsvc.services.accounts.sessions import ABSOLUTE, IDLE, TOUCH, Sessions
from pollsvc.services.accounts.sign_in import LEAST_TIME, NETWORK_PACE, SignedIn, SignIn
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.purging import purge
from pollsvc.storage import accounts as store
from pollsvc.storage.database import Connection
from pollsvc.storage.pool import Pool
from tests.support.editors import PASSWORD, Clock
from tests.support.server import SECRET, open_connection

WRONG = "not the password"
SETTLED = "a password of somebody else"


class Door:
    """Signing in on a database of the tests, at a time that they set; each attempt from its own network."""

    def __init__(self, pool: Pool, connection: Connection) -> None:
        self.clock = Clock()
        self.passwords = Passwords()
        self.pool = pool
        self.connection = connection
        self.accounts = Accounts(connection, self.clock, self.passwords)
        self.sessions = Sessions(connection, self.clock)
        self.way_in = self.another()
        self._networks = 0

    def another(self, least_time: float = 0) -> SignIn:
        """What another process would use."""
        return SignIn(self.pool, self.passwords, self.clock, self.clock, least_time)

    async def sign_in(self, name: str, password: str, old: str = "") -> SignedIn:
        self._networks += 1
        address = f"10.{self._networks >> 16 & 255}.{self._networks >> 8 & 255}.{self._networks & 255}"
        return await self.way_in.sign_in(name, password, address, old)

    async def told(self, name: str, password: str = WRONG) -> tuple[Code, int | None]:
        """The code and the wait of an attempt that fails."""
        with pytest.raises(PollError) as refused:
            await self.sign_in(name, password)
        return refused.value.code, refused.value.retry_after


@pytest.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    pool = Pool(database_url, 8, LogKeys([SECRET]).stamp)
    async with open_connection(database_url) as connection:
        door = Door(pool, connection)
        await door.accounts.add_editor("jane", Role.EDITOR, PASSWORD)
        yield door
    await pool.stop()


async def test_signing_in_begins_a_session_of_which_only_a_hash_is_kept(door: Door) -> None:
    secret, editor = await door.sign_in(" JANE ", PASSWORD)
    assert len(secret) == 43
    session = await door.sessions.session(secret)
    assert session is not None
    assert session.editor == editor
    assert secret not in str(await door.connection.rows("SELECT * FROM sessions"))
    assert secret not in str(await door.connection.rows("SELECT * FROM audit_log"))
    assert await door.sessions.session(session.id) is None


async def test_a_new_session_each_time_and_the_old_one_ends(door: Door) -> None:
    await door.accounts.add_editor("joan", Role.VIEWER, PASSWORD)
    first, second = await door.sign_in("jane", PASSWORD), await door.sign_in("jane", PASSWORD)
    third = await door.sign_in("jane", PASSWORD, old=first.secret)
    fourth = await door.sign_in("joan", PASSWORD, old=third.secret)
    lasting = [await door.sessions.session(one.secret) is not None for one in (first, second, third, fourth)]
    assert lasting == [False, True, False, True]
    assert len({first.secret, second.secret, third.secret, fourth.secret}) == 4


async def test_unknown_names_wrong_passwords_and_disabled_editors_are_told_the_same(door: Door) -> None:
    await door.accounts.add_editor("gone", Role.VIEWER, PASSWORD)
    await door.accounts.disable("gone")
    answers = set()
    for name, password in (
        ("jane", WRONG),
        ("nobody", WRONG),
        ("gone", PASSWORD),
        ("", ""),
        ("\ud800", "\ud800"),
    ):
        with pytest.raises(PollError) as refused:
            await door.sign_in(name, password)
        answers.add((refused.value.code, refused.value.message, refused.value.retry_after))
    assert answers == {(Code.NOT_SIGNED_IN, "Name or password is wrong; enter them again.", None)}


async def test_known_and_unknown_names_wait_alike(door: Door) -> None:
    """Five free failures, then 30 s, 60 s … up to 15 minutes; a right password is refused meanwhile."""
    waits = []
    for name in ("jane", "nobody"):
        told = []
        for _ in range(5):
            told.append(await door.told(name))
        for _ in range(7):
            code, wait = await door.told(name, PASSWORD)
            assert code is Code.SLOW_DOWN
            assert wait is not None
            told.append((code, wait))
            door.clock.now += wait - 1
            assert await door.told(name, PASSWORD) == (Code.SLOW_DOWN, 1)
            door.clock.now += 1
            told.append(await door.told(name))
        waits.append(told)
    assert waits[0] == waits[1]
    assert [wait for _, wait in waits[0] if wait] == [30, 60, 120, 240, 480, 900, 900]
    door.clock.now += 900
    await door.sign_in("jane", PASSWORD)
    assert await door.told("jane") == (Code.NOT_SIGNED_IN, None)  # and the failures before are forgotten


async def test_failures_are_forgotten_after_a_day(door: Door) -> None:
    for name in ("jane", "nobody"):
        for _ in range(5):
            await door.told(name)
    door.clock.now += 86_400
    for name in ("jane", "nobody"):
        for _ in range(5):
            assert (await door.told(name))[0] is Code.NOT_SIGNED_IN
        assert (await door.told(name))[0] is Code.SLOW_DOWN


async def test_processes_share_an_accounts_failures(door: Door) -> None:
    for _ in range(5):
        await door.told("jane")
    door.way_in = door.another()
    assert await door.told("jane", PASSWORD) == (Code.SLOW_DOWN, 30)
    await door.accounts.set_password("jane", SETTLED)
    await door.sign_in("jane", SETTLED)


async def test_many_at_once_are_no_way_around_the_wait(door: Door) -> None:
    told = await asyncio.gather(*(door.told("jane") for _ in range(20)))
    assert sorted(code for code, _ in told) == [Code.NOT_SIGNED_IN] * 5 + [Code.SLOW_DOWN] * 15


async def test_a_network_has_a_pace(door: Door) -> None:
    async def attempt(address: str) -> Code:
        with pytest.raises(PollError) as refused:
            await door.way_in.sign_in(f"nobody {address} {len(told)}", WRONG, address)
        told.append(refused.value.code)
        return refused.value.code

    told: list[Code] = []
    for number in range(NETWORK_PACE.burst):
        assert await attempt(f"2001:db8::{number}") is Code.NOT_SIGNED_IN
    assert await attempt("2001:db8::ffff") is Code.SLOW_DOWN
    with pytest.raises(PollError) as refused:
        await door.way_in.sign_in("jane", PASSWORD, "2001:db8::1")
    assert refused.value.retry_after == NETWORK_PACE.seconds
    await door.way_in.sign_in("jane", PASSWORD, "2001:db8:0:1::1")
    door.clock.now += NETWORK_PACE.seconds
    await door.way_in.sign_in("jane", PASSWORD, "2001:db8::1")


async def test_a_refusal_takes_its_time(door: Door) -> None:
    way_in = door.another(LEAST_TIME)
    for name in ("jane", "nobody"):
        began = time.perf_counter()
        with pytest.raises(PollError):
            await way_in.sign_in(name, WRONG, "")
        assert time.perf_counter() - began >= LEAST_TIME * 0.99


async def test_an_account_that_changes_while_its_password_is_checked(door: Door) -> None:
    """A password that is set, or a disabling, between the check and the session wins."""
    account = await store.load_account(door.connection, "jane")
    assert account is not None
    await door.accounts.set_password("jane", SETTLED)
    with pytest.raises(PollError):
        await door.way_in._begin(account, account.password, "")
    account = await store.load_account(door.connection, "jane")
    assert account is not None
    await door.accounts.disable("jane")
    with pytest.raises(PollError):
        await door.way_in._begin(account, account.password, "")


async def test_sessions_end_when_idle_and_when_old(door: Door) -> None:
    secret, _ = await door.sign_in("jane", PASSWORD)
    began = door.clock.now
    while door.clock.now + IDLE - 1 < began + ABSOLUTE:
        door.clock.now += IDLE - 1
        assert await door.sessions.session(secret) is not None
    door.clock.now = began + ABSOLUTE
    assert await door.sessions.session(secret) is None
    secret, editor = await door.sign_in("jane", PASSWORD)
    assert (await purge(door.connection, door.clock, 0)).sessions == 1  # the old one
    door.clock.now += IDLE
    assert await door.sessions.session(secret) is None
    assert await door.sessions.of(editor) == []


async def test_a_sessions_use_is_noted_once_a_minute(door: Door) -> None:
    secret, editor = await door.sign_in("jane", PASSWORD)
    began = int(door.clock.now)
    seen = []
    for _ in range(4):
        door.clock.now += TOUCH / 2
        await door.sessions.session(secret)
        seen.append((await door.sessions.of(editor))[0].seen_at - began)
    assert seen == [0, 60, 60, 120]


async def test_sessions_can_be_ended_by_their_editor_only(door: Door) -> None:
    joan, _ = await door.accounts.add_editor("joan", Role.VIEWER, PASSWORD)
    secret, jane = await door.sign_in("jane", PASSWORD)
    session = await door.sessions.session(secret)
    assert session is not None
    await door.sessions.end(joan, session.id)
    assert await door.sessions.session(secret) is not None
    await door.sessions.end(jane, session.id)
    assert await door.sessions.session(secret) is None
