"""Verifying Ed25519 signatures (RFC 8032)."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SIGNATURE = 64
"""Bytes of a signature."""


def verifies(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the key of these 32 bytes made the signature; one of another length made none."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
