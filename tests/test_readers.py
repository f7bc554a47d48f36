"""The reader's token: whose it is, where it holds, and how its keys rotate."""

import base64
import hashlib
from pathlib import Path

import pytest
from itsdangerous import Signer

from pollsvc.domain.errors import PollError
from pollsvc.domain.poll import Site
from pollsvc.services.readers import Readers
from tests.support.reader import Http, Reader
from tests.support.server import SECRET, Service, run_service

NEWER = "a-newer-secret-for-tests-of-more-than-32-characters"


async def test_a_token_does_not_hold_at_another_site(shared: Service, http: Http) -> None:
    here, there = await shared.add_poll(), await shared.add_poll(site="Gazette")
    reader = Reader(http)
    await reader.vote(here, 1)
    refused = await reader.vote(there, 1)
    assert (refused.status, refused.code) == (401, "bad_reader_token")
    assert await shared.ballots(there) == []


async def test_an_idempotency_key_makes_another_reader_at_each_site(shared: Service, http: Http) -> None:
    here, there = await shared.add_poll(), await shared.add_poll(site="Gazette")
    reader = Reader(http)
    tokens = []
    for poll in (here, there):
        reader.token = None
        tokens.append((await reader.vote(poll, 1)).json["reader"])
    ids = {token.split(".")[1] for token in tokens}
    assert len(ids) == 2


async def test_a_forged_cut_or_foreign_token_is_refused(shared: Service, http: Http) -> None:
    poll, reader = await shared.add_poll(), Reader(http)
    token = (await reader.vote(poll, 1)).json["reader"]
    site, id_, signature = token.split(".")
    other = base64.urlsafe_b64encode(b"x" * 16).decode().rstrip("=")
    plain = Signer(SECRET).sign(f"{site}.{id_}").decode()  # the right key without our salt
    forged = [
        *(token[:length] for length in range(0, len(token) - 1, 7)),
        *("." * 5, "x" * 1000, token + token, token + "x", token.upper(), "\0" + token, token + "\n"),
        *(f"{site}.{other}.{signature}", f"{site}.{id_}.", f".{id_}.{signature}", f"{site}.{id_}"),
        *(plain, "é" * 40),
    ]
    for text in forged:
        answer = await http.post_vote(poll, {"selection": [1], "reader": text})
        assert (answer.status, answer.code) == (401, "bad_reader_token"), text
    assert len(await shared.ballots(poll)) == 1


async def test_the_spare_bits_of_a_signature_make_no_second_reader(shared: Service, http: Http) -> None:
    """Base64's last character has bits that mean nothing: such a token is the same reader's, or none's."""
    poll, reader = await shared.add_poll(), Reader(http)
    token = (await reader.vote(poll, 1)).json["reader"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    near = alphabet[alphabet.index(token[-1]) ^ 1]
    answer = await http.post_vote(poll, {"selection": [1], "reader": token[:-1] + near})
    assert answer.status in (200, 401)
    assert len(await shared.ballots(poll)) == 1


async def test_keys_rotate_without_an_error_or_a_second_reader(service_on: Service) -> None:
    """With old,new an old token is the same reader and is issued anew; without old it is refused."""
    poll, secret = await service_on.add_poll(), service_on.env["POLLSVC_SECRET_KEYS"]
    async with Http(service_on.base_url) as http:
        reader, sleeper = Reader(http), Reader(http)
        first, early = await reader.vote(poll, 1), await sleeper.vote(poll, 2)

    service_on.env["POLLSVC_SECRET_KEYS"] = f"{secret},{NEWER}"
    await _restart(service_on)
    async with Http(service_on.base_url) as http:
        again = await http.post_vote(poll, {"selection": [1], "reader": first.json["reader"]})
        assert (again.status, again.json["receipt"]["id"]) == (200, first.json["receipt"]["id"])
        reissued = again.json["reader"]
        assert reissued != first.json["reader"]
        assert reissued.split(".")[:2] == first.json["reader"].split(".")[:2]
        by_key = await http.post_vote(poll, {"selection": [2], "idempotency_key": sleeper.key})
        assert (by_key.status, by_key.json["receipt"]["id"]) == (200, early.json["receipt"]["id"])
        assert (await Reader(http).vote(poll, 3)).status == 201
        assert await http.counts(poll) == [1, 1, 1]
        await service_on.assert_clean()

    service_on.env["POLLSVC_SECRET_KEYS"] = NEWER
    await _restart(service_on)
    async with Http(service_on.base_url) as http:
        old = await http.post_vote(poll, {"selection": [1], "reader": first.json["reader"]})
        assert (old.status, old.code) == (401, "bad_reader_token")
        new = await http.post_vote(poll, {"selection": [1], "reader": reissued})
        assert (new.status, new.json["reader"]) == (200, reissued)
        assert await http.counts(poll) == [1, 1, 1]


async def test_two_services_share_readers_when_they_share_keys(tmp_path: Path) -> None:
    """A process that has not restarted yet takes the tokens of one that signs with the newest known key."""
    async with run_service(tmp_path, site=True) as old:
        poll = await old.add_poll()
        both = {"POLLSVC_SECRET_KEYS": f"{NEWER},{SECRET}"}
        async with (
            run_service(tmp_path, old.database_url, both) as new,
            Http(old.base_url) as to_old,
            Http(new.base_url) as to_new,
        ):
            first = await Reader(to_new).vote(poll, 1)
            again = await to_old.post_vote(poll, {"selection": [1], "reader": first.json["reader"]})
            assert (again.status, again.receipt) == (200, first.receipt)


LIBRARY = Signer(SECRET, salt="pollsvc.reader", key_derivation="hmac", digest_method=hashlib.sha256)
SITE_A = Site("aaaaaaaa", "A", frozenset(), "en", "UTC", b"a" * 32, 10)


def test_an_id_is_derived_from_the_idempotency_key_only_with_the_sites_own_key() -> None:
    readers, other = Readers([SECRET]), Site("bbbbbbbb", "B", frozenset(), "en", "UTC", b"b" * 32, 10)
    key = "k" * 22
    assert readers.identify(SITE_A, None, key) == readers.identify(SITE_A, None, key)
    assert readers.identify(SITE_A, None, key).id != readers.identify(other, None, key).id
    assert readers.identify(SITE_A, None, None) != readers.identify(SITE_A, None, None)
    assert len(readers.identify(SITE_A, None, key).id) == 16


def test_a_token_is_what_itsdangerous_itself_would_sign() -> None:
    """The signer that derives its key once makes the signatures of the library's own class."""
    token = Readers([SECRET]).identify(SITE_A, None, "k" * 22).token
    assert LIBRARY.unsign(token).decode() == token.rpartition(".")[0]


def test_a_correctly_signed_token_of_another_site_is_refused() -> None:
    readers = Readers([SECRET])
    for value in ("", "bbbbbbbb.AAAAAAAAAAAAAAAAAAAAAA"):
        with pytest.raises(PollError):
            readers.identify(SITE_A, LIBRARY.sign(value).decode(), None)


async def _restart(service: Service) -> None:
    await service.stop()
    await service.start()


async def test_what_follows_a_token_is_not_part_of_it(shared: Service, http: Http) -> None:
    """Base64 decoders stop at a "=": the text behind it must not get into an answer."""
    poll, reader = await shared.add_poll(), Reader(http)
    await reader.vote(poll, 1)
    for more in ("=", '=","status":"held","z":"', "\n", " "):
        answer = await http.post_vote(poll, {"selection": [1], "reader": f"{reader.token}{more}"})
        assert (answer.status, answer.code) == (401, "bad_reader_token")
