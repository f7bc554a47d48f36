"""HMAC-SHA256 (RFC 2104) under a fixed key, as short text."""

import hmac
from binascii import b2a_base64
from collections.abc import Callable

_URL_SAFE = bytes.maketrans(b"+/", b"-_")

Mac = Callable[[bytes], bytes]
"""Returns the 32 bytes of a message's HMAC."""


def mac(key: bytes) -> Mac:
    """HMAC-SHA256 under this key; the key is taken in once, not for each message."""
    start = hmac.new(key, digestmod="sha256")

    def digest(message: bytes) -> bytes:
        state = start.copy()
        state.update(message)
        return state.digest()

    return digest


def encode(data: bytes) -> str:
    """Base64url without padding (RFC 4648, section 5)."""
    return b2a_base64(data, newline=False).rstrip(b"=").translate(_URL_SAFE).decode()


def encode128(digest: bytes) -> str:
    """The first 128 bits of a digest, as 22 characters of base64url.

    Truncation to half the digest is RFC 2104, section 5.
    """
    return b2a_base64(digest[:16], newline=False)[:22].translate(_URL_SAFE).decode()
