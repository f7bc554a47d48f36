"""Passwords: which may be, how they are hashed, and that a flood of them waits in a short queue."""

import asyncio

import pytest
from argon2 import PasswordHasher

from pollsvc.domain.errors import Code, PollError
from pollsvc.services.accounts.passwords import LONGEST, Passwords, check_password
from tests.support.editors import PASSWORD


@pytest.mark.parametrize(
    "password", ["", "eleven char", "x" * (LONGEST + 1), "twelve chars\x00", "Somebody With A Long Name"]
)
def test_passwords_that_cannot_be(password: str) -> None:
    with pytest.raises(PollError) as refused:
        check_password(password, "somebody with a long name")
    assert refused.value.details["field"] == "password"


def test_passwords_that_can_be() -> None:
    for password in ("twelve chars", "x" * LONGEST, "دوازده حرف خوب", "🔑" * 12):
        assert check_password(password, "somebody with a long name") == password


async def test_a_password_is_the_same_from_any_keyboard() -> None:
    passwords = Passwords()
    known = await passwords.hash("caf\u00e9 \u00a0 crème 12")
    assert known.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await passwords.verify(known, "cafe\u0301 \u3000 cre\u0300me １２")).right
    assert not (await passwords.verify(known, "CAFÉ \u00a0 crème 12")).right
    assert not (await passwords.verify(None, "nobody's password")).right
    assert not (await passwords.verify("broken", "nobody's password")).right
    assert not (await passwords.verify(await passwords.hash("x" * LONGEST), "x" * (LONGEST + 1))).right


async def test_a_hash_of_other_parameters_is_made_anew() -> None:
    passwords = Passwords()
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=2).hash(PASSWORD)
    verified = await passwords.verify(old, PASSWORD)
    assert verified.right
    assert verified.new_hash is not None
    assert await passwords.verify(verified.new_hash, PASSWORD) == (True, None)
    assert await passwords.verify(old, "not this one") == (False, None)


async def test_hashing_has_a_bounded_queue() -> None:
    passwords = Passwords(at_once=1, waiting=2)
    done = await asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(6)), return_exceptions=True)
    refused = [one for one in done if isinstance(one, PollError)]
    assert [(one.code, one.retry_after) for one in refused] == [(Code.BUSY, 5)] * 3
    assert (await passwords.verify(None, PASSWORD)).right is False  # the queue is free again
