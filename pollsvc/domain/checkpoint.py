"""A log's signed head, as text: C2SP tlog-checkpoint in a C2SP signed note, with Ed25519 (signature type 1).

https://c2sp.org/tlog-checkpoint and https://c2sp.org/signed-note
"""

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

ED25519 = b"\1"
"""The signature type of a note's Ed25519 key."""
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class Checkpoint(NamedTuple):
    """What a log says it holds: `size` leaves under the head `root`. `origin` is the log's name."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed, its last newline included."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


class Signature(NamedTuple):
    """A note's signature: the key's name, the 4 bytes that tell keys of one name apart, what it signed."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        return f"— {self.name} {b64encode(self.key_id + self.signature).decode()}\n"


def key_id(name: str, public_key: bytes) -> bytes:
    """The 4 bytes that tell keys of one name apart."""
    return sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:4]


def verifier_key(name: str, public_key: bytes) -> str:
    """A key as text, as tools for signed notes take it: `name+id+key`."""
    return f"{name}+{key_id(name, public_key).hex()}+{b64encode(ED25519 + public_key).decode()}"


def note(checkpoint: Checkpoint, signatures: Sequence[Signature]) -> str:
    """A checkpoint with its signatures."""
    return checkpoint.text() + "\n" + "".join(signature.line() for signature in signatures)


def read_note(text: str) -> tuple[Checkpoint, list[Signature]]:
    """The checkpoint that a note holds, and its signatures, none of them verified.

    Raises ValueError with one sentence when it is no such note.
    """
    body, blank, lines = text.partition("\n\n")
    parts = body.split("\n")
    if not blank or len(parts) != 3 or not parts[0] or not _SIZE.fullmatch(parts[1]):
        raise ValueError("This is no checkpoint: it must begin with a name, a size and a hash, a line each.")
    try:
        root = b64decode(parts[2], validate=True)
        signatures = [_signature(line) for line in lines.removesuffix("\n").split("\n")]
    except (Error, AttributeError):
        raise ValueError("This is no signed checkpoint: its hash or a signature is not base64.") from None
    if len(root) != 32:
        raise ValueError("This is no checkpoint: its hash must be of 32 bytes.")
    return Checkpoint(parts[0], int(parts[1]), root), signatures


def _signature(line: str) -> Signature:
    """Raises AttributeError when it has another form."""
    name, encoded = _SIGNATURE.fullmatch(line).groups()  # type: ignore[union-attr]
    blob = b64decode(encoded, validate=True)
    return Signature(name, blob[:4], blob[4:])
