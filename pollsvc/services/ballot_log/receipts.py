"""Receipts: the signed promise that a reader's ballot is in the log under its number.

The ballots of one poll that were recorded together are signed together: over the head of a small tree of
their leaves (RFC 9162, section 2.1), to which each receipt holds its ballot's path. The signature is Ed25519
(RFC 8032), and so is the same however often it is made.
"""

from base64 import b64encode
from binascii import b2a_base64

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.clock import rfc3339_minute
from pollsvc.domain.leaves import Leaves
from pollsvc.domain.mac import encode128
from pollsvc.domain.merkle import Tree
from pollsvc.services.ballot_log.keys import SigningKey


def signed_text(leaves: Leaves, root: bytes) -> bytes:
    """What is signed for leaves that were recorded together: where they are, and the head of their tree."""
    poll, first, _ = leaves
    return f"pollsvc.receipt\n{poll}\n{first}\n{leaves.size}\n{b64encode(root).decode()}\n".encode()


class Signed:
    """Leaves that were recorded together, with their signature."""

    def __init__(self, leaves: Leaves, key: SigningKey) -> None:
        self._first, self._size, self._batch = leaves.first, leaves.size, leaves.batch
        self._tree = Tree(leaves.listed())
        self._texts = [
            [f'"{b2a_base64(hash_, newline=False).decode()}"' for hash_ in level]
            for level in self._tree.levels[:-1]
        ]
        signature = key.sign(signed_text(leaves, self._tree.head()))
        self._end = f'"key":"{key.name}","signature":"{b64encode(signature).decode()}"}}'

    def __contains__(self, ballot: object) -> bool:
        return isinstance(ballot, Ballot) and ballot.batch == self._batch

    def receipt(self, ballot: Ballot) -> str:
        """The receipt of one of these ballots, as JSON, the same however often it is made.

        `id` is made of the leaf's hash, `issued_at` is the ballot's minute, `leaf` is the leaf's data; only
        the ends of its lines need escaping.
        """
        index = ballot.number - self._first
        path = ",".join(Tree.beside(self._texts, index))
        leaf = ballot.leaf().decode().replace("\n", "\\n")
        return (
            f'{{"poll":"{ballot.poll}","id":"{encode128(self._tree.node(0, index))}",'
            f'"issued_at":"{rfc3339_minute(ballot.minute)}","number":{ballot.number},"leaf":"{leaf}",'
            f'"first":{self._first},"count":{self._size},"path":[{path}],{self._end}'
        )
