"""The signature that every ballot carries, and the receipt made of it."""

import hashlib
import hmac
from collections.abc import Sequence

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.clock import rfc3339_minute
from pollsvc.services.mac import encode128, mac


def receipt_json(ballot: Ballot) -> str:
    """The reader's proof of a ballot, as JSON: the same for the same ballot, however often it is asked for.

    `id` is made from the signature, `issued_at` is the ballot's minute; nothing in it needs escaping.
    """
    id_ = encode128(hashlib.sha256(ballot.signature.encode()).digest())
    issued_at = rfc3339_minute(ballot.minute)
    return (
        f'{{"poll":"{ballot.poll}","id":"{id_}","issued_at":"{issued_at}","signature":"{ballot.signature}"}}'
    )


class Receipts:
    """Signs ballots: HMAC-SHA256 over the ballot's text, truncated to 128 bits (RFC 2104, section 5).

    The signing keys are derived from the secrets, oldest first; the last one signs, all of them verify.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._macs = [mac(mac(key.encode())(b"pollsvc.ballot")) for key in reversed(keys)]

    def seal(self, ballot: Ballot) -> Ballot:
        """The same ballot with its signature."""
        return Ballot(*ballot[:-1], encode128(self._macs[0](ballot.signed_text())))

    def valid(self, ballot: Ballot) -> bool:
        """Whether the ballot's signature was made by one of the keys over just this ballot."""
        text = ballot.signed_text()
        return any(hmac.compare_digest(encode128(mac(text)), ballot.signature) for mac in self._macs)
