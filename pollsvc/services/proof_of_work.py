"""Proofs of work: ALTCHA challenges (version 2), which a reader's browser solves by itself.

A challenge is for one voter in one poll, who has one ballot: its proof can be sent again, but counts nothing
twice, so none need be remembered. The server makes a derived key from a secret number, and the browser tries
numbers until it finds the key's beginning; to check what it found costs the server one HMAC.
"""

import hmac
import secrets
from base64 import b64decode
from collections.abc import Mapping, Sequence

from altcha.v2 import create_challenge, verify_solution
from msgspec import DecodeError
from msgspec.json import decode

from pollsvc.domain.clock import Clock

COST = 2_000
"""Iterations of PBKDF2 (RFC 8018) for each number that is tried."""
LEAST, MOST = 400, 3_000
"""How many numbers there are to try on average, for the first proof and for the hardest."""
GOOD_FOR = 600
"""Seconds in which a challenge is to be solved."""
_LONGEST = 2_000  # characters of a proof


class ProofOfWork:
    """Makes challenges and checks solutions; `keys` are secrets, oldest first, and the last one signs."""

    def __init__(self, keys: Sequence[str], clock: Clock) -> None:
        self._keys = [
            (
                hmac.digest(key.encode(), b"pollsvc.challenge", "sha256"),
                hmac.digest(key.encode(), b"pollsvc.challenge.key", "sha256"),
            )
            for key in reversed(keys)
        ]
        self._clock = clock

    def challenge(self, poll: str, voter: str, effort: float) -> Mapping[str, object]:
        """A challenge for this voter in this poll, as JSON values; `effort` is from 0 to 1."""
        average = LEAST + round((MOST - LEAST) * effort)
        secret, key_secret = self._keys[0]
        challenge = create_challenge(
            "PBKDF2/SHA-256",
            COST,
            counter=average // 2 + secrets.randbelow(average),
            data={"poll": poll, "voter": voter},
            expires_at=int(self._clock()) + GOOD_FOR,
            hmac_secret=secret,
            hmac_key_secret=key_secret,
        )
        return challenge.to_dict()

    def proves(self, proof: str, poll: str, voter: str) -> bool:
        """Whether this (base64 of JSON, as ALTCHA's widgets send it) solves a challenge for this voter."""
        if len(proof) > _LONGEST:
            return False
        try:
            data = decode(b64decode(proof, validate=True))["challenge"]["parameters"]["data"]
        except (DecodeError, ValueError, LookupError, TypeError, RecursionError):
            return False
        return data == {"poll": poll, "voter": voter} and any(
            verify_solution(proof, secret, hmac_key_secret=key_secret).verified
            for secret, key_secret in self._keys
        )
