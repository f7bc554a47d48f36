"""Readers whom their site vouches for: one vote each on all devices, and under `strict` nobody else."""

import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.reader import Answer, Http, Reader, new_key
from tests.support.server import Service, run_service, until


def assertion(secret: str, subject: str = "anna", ends: float = 3600.0) -> str:
    """As docs/embed.md says that a site makes it."""
    return signed(secret, f"{_base64(subject.encode())}.{int(time.time() + ends)}")


def signed(secret: str, text: str) -> str:
    return f"{text}.{_base64(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[Service]:
    async with run_service(tmp_path, env={"POLLSVC_ADMISSION": "strict"}, site=True) as running:
        yield running


async def cast(http: Http, poll: str, pick: int, word: str | None, **more: object) -> Answer:
    sent = {"selection": [pick], "idempotency_key": new_key(), "assertion": word, **more}
    return await http.post_vote(poll, sent)


async def test_one_vote_on_all_devices(strict: Service) -> None:
    poll = await strict.add_poll()
    secret = (await strict.run("site", "secret", "News")).strip()
    async with Http(strict.base_url) as http:
        first, again, other = [await cast(http, poll, pick, assertion(secret)) for pick in (1, 1, 2)]
        assert [first.status, again.status, other.status] == [201, 200, 409]
        assert first.json["receipt"] == again.json["receipt"]
        assert (await cast(http, poll, 2, assertion(secret, "bert"))).status == 201
        for _ in range(60):  # a newsroom's whole network, at once
            assert (await cast(http, poll, 1, assertion(secret, new_key()))).json["status"] == "counted"
        assert (await http.results(poll))["voters"] == 62
        assert "anna" not in repr(await strict.ballots(poll))
    await strict.assert_clean()


async def test_nobody_else_votes_where_the_policy_is_strict(strict: Service) -> None:
    poll = await strict.add_poll()
    secret = (await strict.run("site", "secret", "News")).strip()
    good = assertion(secret)
    text, _, signature = good.rpartition(".")
    refused = (
        *(
            None,
            "",
            "x",
            "a.b.c",
            good + "x",
            good[:-1],
            text + "." + signature[::-1],
            good.replace(".", ".9", 1),
        ),
        signed(secret, f"abcde.{int(time.time()) + 60}"),  # which is the base64 of nothing
        *(assertion("s" * 43), assertion(secret, ends=-120), assertion(secret, ends=8 * 86_400)),
    )
    async with Http(strict.base_url) as http:
        for word in refused:
            answer = await cast(http, poll, 1, word)
            assert (answer.status, answer.code) == (403, "not_vouched_for"), word
            assert answer.json["reason"] == "vouched"
        page = await http.get(f"/p/{poll}?lang=en")
        assert page.status == 200
        assert b"Sign in on this site to vote." in page.body  # which a form here could not help
        assert b"<form" not in page.body
        assert b"<pollsvc-poll" not in page.body
        assert (await http.results(poll))["voters"] == 0


async def test_a_site_can_have_its_own_policy_and_change_its_secret(strict: Service) -> None:
    poll = await strict.add_poll()
    old = (await strict.run("site", "secret", "News")).strip()
    new = (await strict.run("site", "secret", "News", "--rotate")).strip()
    assert (await strict.run("site", "secret", "News")).strip() == new != old
    async with Http(strict.base_url) as http:

        async def known() -> bool:
            return (await cast(http, poll, 1, assertion(new))).status in (200, 201)

        await until(known)
        assert (await cast(http, poll, 1, assertion(old))).status == 200, (
            "the same reader, under the old secret"
        )
        await strict.run("site", "secret", "News", "--rotate")

        async def forgotten() -> bool:
            return (await cast(http, poll, 1, assertion(old))).status == 403

        await until(forgotten)
        await strict.run("site", "policy", "News", "open")

        async def open_() -> bool:
            return (await Reader(http).vote(poll, 2)).status == 201

        await until(open_)
