"""The keys of the log, made of the secrets: what signs it, and what stamps leaves on their way into it."""

import hmac
from base64 import b64encode
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pollsvc.domain.leaves import no_stamp
from pollsvc.domain.mac import encode128, mac


class SigningKey:
    """An Ed25519 key (RFC 8032)."""

    def __init__(self, secret: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(
            hmac.digest(secret.encode(), b"pollsvc.log", "sha256")
        )
        self.public = self._key.public_key().public_bytes_raw()
        self.name = b64encode(self.public).decode()

    def sign(self, data: bytes) -> bytes:
        """64 bytes, the same for the same data."""
        return self._key.sign(data)


class LogKeys:
    """What the secrets, oldest first, are for the log: the last one signs and stamps, all verify stamps."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._signing = [SigningKey(secret) for secret in reversed(secrets)]
        self._macs = [mac(mac(secret.encode())(b"pollsvc.leaves")) for secret in reversed(secrets)]

    @property
    def current(self) -> SigningKey:
        """The key that signs."""
        return self._signing[0]

    @property
    def public(self) -> list[bytes]:
        """The public halves, of 32 bytes, the newest first."""
        return [key.public for key in self._signing]

    def known(self, public: str) -> SigningKey | None:
        """The key with this public half, in base64, if one of the secrets makes it."""
        return next((key for key in self._signing if key.name == public), None)

    def stamp(self, data: bytes) -> str:
        """A keyed hash: HMAC-SHA256, its first 128 bits, as 22 characters of base64url.

        Raises PollError `bad_request` when there are no secrets.
        """
        return encode128(self._macs[0](data)) if self._macs else no_stamp(data)

    def sign_as(self, public: str, data: bytes) -> bytes | None:
        """The signature of the key with this public half (base64), if one of the secrets makes it."""
        key = self.known(public)
        return key.sign(data) if key is not None else None

    def is_stamped(self, data: bytes, stamp: str) -> bool:
        """Whether the stamp was made of just this data, with one of the secrets."""
        return any(hmac.compare_digest(encode128(each(data)), stamp) for each in self._macs)
