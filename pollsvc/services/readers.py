"""Who votes: the reader's signed token, and the voter that a reader is within one poll."""

import hashlib
import re
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from typing import NamedTuple

from itsdangerous import BadSignature, Signer

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.mac import encode, encode128, mac
from pollsvc.domain.poll import Poll, Site
from pollsvc.services.vouching import vouched_reader

_ID_BYTES = 16
_TOKEN = re.compile(r"[a-z0-9]{1,16}\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{22,86}", re.ASCII)  # 128 to 516 bits of base64url


class Reader(NamedTuple):
    """A reader of a site: 16 random (or derived) bytes, and the token to hand back to their browser."""

    id: bytes
    token: str


class _Signer(Signer):
    """itsdangerous' signer with one key, which it derives once instead of for each token."""

    def __init__(self, key: str) -> None:
        super().__init__(key, salt="pollsvc.reader", key_derivation="hmac", digest_method=hashlib.sha256)
        self._mac = mac(self.derive_key())

    def get_signature(self, value: str | bytes) -> bytes:
        """What itsdangerous makes of HMAC and base64, without deriving the key again."""
        return encode(self._mac(value if isinstance(value, bytes) else value.encode())).encode()


class Readers:
    """Signs and verifies readers' tokens: `SITE.READER.SIGNATURE`, by itsdangerous with SHA-256.

    `keys` are secrets, oldest first; the last one signs and all of them verify. The signature's text is
    malleable (base64 has spare bits), so two tokens are of one reader when their ids are equal.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._signers = [_Signer(key) for key in reversed(keys)]

    def identify(self, site: Site, token: str | None, idempotency_key: str | None) -> Reader:
        """The reader whom a token names; without one, a new reader of the site.

        A new reader's id is derived from the idempotency key by HMAC-SHA256 under the site's key, so that
        the retry of a vote whose answer was lost is the same reader; without a key it is random. Raises
        PollError `bad_reader_token`, or `bad_request` for a malformed idempotency key.
        """
        if token is not None:
            return self._verify(site, token)
        if idempotency_key is None:
            return self._sign(site, secrets.token_bytes(_ID_BYTES))
        if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
            raise PollError(
                Code.BAD_REQUEST,
                'Send "idempotency_key" as 22 to 86 characters of base64url (128 bits or more).',
            )
        return self._sign(site, site.mac(idempotency_key.encode())[:_ID_BYTES])

    def vouched(self, site: Site, assertion: str, now: float) -> Reader:
        """The reader whom the site vouches for. Raises PollError `not_vouched_for`."""
        return self._sign(site, vouched_reader(site, assertion, now))

    def _sign(self, site: Site, reader: bytes) -> Reader:
        value = f"{site.id}.{encode128(reader)}"
        return Reader(reader, self._signers[0].sign(value).decode())

    def _verify(self, site: Site, token: str) -> Reader:
        if not _TOKEN.fullmatch(token):  # what is not ours by its shape: base64 decoders stop at a "="
            raise _bad_token()
        for signer in self._signers:
            try:
                value = signer.unsign(token).decode()
            except BadSignature:
                continue
            owner, _, reader = value.partition(".")
            if owner != site.id:
                break
            id_ = urlsafe_b64decode(reader + "==")
            return Reader(id_, token) if signer is self._signers[0] else self._sign(site, id_)
        raise _bad_token()


def voter_of(poll: Poll, reader: Reader) -> str:
    """The reader's pseudonym in one poll: HMAC-SHA256(the poll's key, reader id), its first 128 bits."""
    return encode128(poll.mac(reader.id))


def _bad_token() -> PollError:
    return PollError(
        Code.BAD_READER_TOKEN, "This reader token is not valid here; vote again without it to get a new one."
    )
