"""Whose log it is: each key hands over to the next, which accepts what is there, and each head has its key.

So trust goes both ways. Whoever noted the first key follows the log to the newest one; and from the newest,
which a secret of the service makes, the service knows all that were before it.
"""

from base64 import b64decode
from binascii import Error
from collections.abc import Iterable, Sequence

from pollsvc.domain.checkpoint import Checkpoint, Signature, key_id, read_note
from pollsvc.services.ballot_log.signatures import verifies
from pollsvc.storage.log_keys import LogKey


def handover_text(name: str, since: int, public: str) -> bytes:
    """What a key of the log signs to hand over to the next: the log, the size of its tree, the new key."""
    return f"pollsvc.handover\n{name}\n{since}\n{public}\n".encode()


def acceptance_text(keys: Sequence[LogKey]) -> bytes:
    """What the last of these keys signs when it takes the log over: all of them, and what each one found.

    A line `pollsvc.acceptance`, then six for each key: number, name, public, since, signature and root.
    """
    lines = (f"{field}\n" for key in keys for field in key[:-1])
    return ("pollsvc.acceptance\n" + "".join(lines)).encode()


def is_handed_over(before: LogKey, key: LogKey) -> bool:
    """Whether a key has handed over to the next."""
    return _has_signed(before, key.signature, handover_text(key.name, key.since, key.public))


def is_accepted(keys: Sequence[LogKey]) -> bool:
    """Whether the last key has accepted the ones before it, and itself."""
    return _has_signed(keys[-1], keys[-1].acceptance, acceptance_text(keys))


def key_of(size: int, keys: Iterable[LogKey]) -> LogKey | None:
    """The key whose turn it is to sign the head of so many leaves."""
    return max((key for key in keys if key.since < size), key=lambda key: key.number, default=None)


def is_signed(checkpoint: Checkpoint, signatures: Iterable[Signature], key: LogKey) -> bool:
    """Whether a checkpoint is one of the key's log, and signed by it."""
    text = checkpoint.text().encode()
    return checkpoint.origin == key.name and any(
        (one.name, one.key_id) == (key.name, key_id(key.name, b64decode(key.public)))
        and _has_signed(key, one.signature, text)
        for one in signatures
    )


def signed_root(note: str, size: int, keys: Iterable[LogKey]) -> bytes | None:
    """The root of a head of this size that the key whose turn it was has signed; None of any other."""
    try:
        checkpoint, signatures = read_note(note)
    except ValueError:
        return None
    key = key_of(size, keys)
    if key is None or checkpoint.size != size or not is_signed(checkpoint, signatures, key):
        return None
    return checkpoint.root


def _has_signed(key: LogKey, signature: bytes | str, data: bytes) -> bool:
    """Whether the key has signed this; a signature as text is in base64."""
    try:
        signed = b64decode(signature, validate=True) if isinstance(signature, str) else signature
        return verifies(b64decode(key.public, validate=True), signed, data)
    except Error:
        return False
