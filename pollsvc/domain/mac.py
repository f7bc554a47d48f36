"""HMAC-SHA256 (RFC 2104) under a fixed key, as short text."""

from binascii import b2a_base64
from collections.abc import Callable
from hashlib import sha256

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_BLOCK = 64
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))

Mac = Callable[[bytes], bytes]
"""Returns the 32 bytes of a message's HMAC."""


def mac(key: bytes) -> Mac:
    """HMAC-SHA256 under this key; the key is taken in once, not for each message.

    Every vote takes three. `hmac.digest` takes 1.5 µs for each, of the 100 µs of a vote, and this 0.7.
    """
    block = (sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner, outer = sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))

    def digest(message: bytes) -> bytes:
        within, around = inner.copy(), outer.copy()
        within.update(message)
        around.update(within.digest())
        return around.digest()

    return digest


def fingerprint(key: bytes) -> str:
    """What tells a random key from others, and not what it is: SHA-256, as `encode128` writes it."""
    return encode128(sha256(key).digest())


def encode(data: bytes) -> str:
    """Base64url without padding (RFC 4648, section 5)."""
    return b2a_base64(data, newline=False).rstrip(b"=").translate(_URL_SAFE).decode()


def encode128(digest: bytes) -> str:
    """The first 128 bits of a digest, as 22 characters of base64url.

    Truncation to half the digest is RFC 2104, section 5.
    """
    return b2a_base64(digest[:16], newline=False)[:22].translate(_URL_SAFE).decode()
