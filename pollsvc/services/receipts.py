"""The signature that every ballot carries, and the receipt made of it."""

import hashlib
import hmac
from collections.abc import Sequence

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.clock import rfc3339
from pollsvc.services.readers import encode


class Receipts:
    """Signs ballots: HMAC-SHA256 over the ballot's text, truncated to 128 bits (RFC 2104, section 5).

    The signing keys are derived from the secrets, oldest first; the last one signs, all of them verify.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [hmac.digest(key.encode(), b"pollsvc.ballot", hashlib.sha256) for key in reversed(keys)]

    def seal(self, ballot: Ballot) -> Ballot:
        """The same ballot with its signature."""
        return ballot._replace(signature=self._signature(self._keys[0], ballot))

    def valid(self, ballot: Ballot) -> bool:
        """Whether the ballot's signature was made by one of the keys over just this ballot."""
        return any(hmac.compare_digest(self._signature(key, ballot), ballot.signature) for key in self._keys)

    @staticmethod
    def receipt(poll_key: bytes, ballot: Ballot) -> dict[str, object]:
        """What the reader is given: the same for the same ballot, however often it is asked for.

        `id` tells receipts apart without naming the voter; `issued_at` is the ballot's minute.
        """
        id_ = hmac.digest(poll_key, f"receipt\n{ballot.voter}\n{ballot.revision}".encode(), "sha256")
        return {
            "poll": ballot.poll,
            "id": encode(id_[:16]),
            "issued_at": rfc3339(ballot.minute * 60),
            "signature": ballot.signature,
        }

    @staticmethod
    def _signature(key: bytes, ballot: Ballot) -> str:
        return encode(hmac.digest(key, ballot.signed_text().encode(), "sha256")[:16])
