"""Random ids and secrets, and what is kept of a secret."""

import secrets
from hashlib import sha256

from pollsvc.domain.mac import encode

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is mistaken for something else


def new_id(length: int) -> str:
    """A random id of so many letters and digits, about 5 bits each."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_secret() -> str:
    """256 random bits in base64url."""
    return encode(secrets.token_bytes(32))


def hash_secret(secret: str) -> str:
    """SHA-256 in base64url, 43 characters; 256 random bits need neither salt nor a slow hash."""
    return encode(sha256(secret.encode(errors="surrogatepass")).digest())
