"""Heads of the log that were pinned outside: is the log of today a continuation of each?"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pollsvc.domain.checkpoint import Checkpoint, Signature, read_note
from pollsvc.services.ballot_log.signatures import SIGNATURE
from pollsvc.services.ballot_log.trust import is_signed, key_of
from pollsvc.storage.log_keys import LogKey

_NOTE = re.compile(r"^[^\n]+\n[0-9]+\n[A-Za-z0-9+/]{43}=\n\n(?:— [^\n]+\n)+", re.MULTILINE)


class Pin(NamedTuple):
    """A head as it was pinned, nothing of it verified."""

    checkpoint: Checkpoint
    signatures: Sequence[Signature]


def read_pins(text: str) -> tuple[list[Pin], int]:
    """The heads in a text, and how many parts of it are none, such as what a crash cut off.

    It holds checkpoints one after the other, as POLLSVC_PIN_FILE does, or bodies of the webhooks' event
    `log.checkpoint`, a line each; other events are passed over.
    """
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    told = [_told(line) for line in lines if line.startswith("{")]
    notes = "".join(line for line in lines if not line.startswith("{"))
    rest = _NOTE.split(notes)
    found = [_pin(note) for note in (*_NOTE.findall(notes), *(one for one in told if one))]
    broken = sum(1 for part in rest if part.strip()) + told.count(None) + found.count(None)
    return [one for one in found if one], broken


def _told(line: str) -> str | None:
    """The checkpoint that a webhook's body tells; empty for other events, None for what is none."""
    try:
        body = json.loads(line)
        return str(body["data"]["checkpoint"]) if body["type"] == "log.checkpoint" else ""
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _pin(note: str) -> Pin | None:
    """The head in a note; None for none, and for one whose signature was cut off."""
    try:
        pin = Pin(*read_note(note))
    except ValueError:
        return None
    return pin if all(len(one.signature) == SIGNATURE for one in pin.signatures) else None


class Pins:
    """Pinned heads, beside the log of today; `compare` is told its heads, and `differences` says the rest."""

    def __init__(self, pins: Iterable[Pin] = ()) -> None:
        self._pins = list(pins)
        self._roots: dict[int, set[bytes]] = {}
        self._same: list[int] = []
        self._others: list[int] = []
        self._found: list[str] = []

    def begin(self, known: Sequence[LogKey], size: int) -> list[int]:
        """Look at signatures and sizes, in a log of `size` with these keys; returns the sizes to compare."""
        name = known[0].name if known else ""
        shorter = []
        for pin in self._pins:
            checkpoint, key = pin.checkpoint, key_of(pin.checkpoint.size, known)
            if checkpoint.origin != name:
                self._found.append(f"a pinned head is of the log {checkpoint.origin!r}, and this is {name!r}")
            elif key is None or not is_signed(*pin, key):
                self._found.append(
                    f"the pinned head of {checkpoint.size} leaves is not signed by the log's key of its time"
                )
            elif checkpoint.size > size:
                shorter.append(checkpoint.size)
            else:
                self._roots.setdefault(checkpoint.size, set()).add(checkpoint.root)
        if shorter:
            self._found.append(
                f"the log has {size} leaves, and had {max(shorter)}: {len(shorter)} pinned heads are larger"
            )
        return list(self._roots)

    def compare(self, size: int, root: bytes) -> None:
        """Compare with the head that the log of today has at this size."""
        for pinned in self._roots.get(size, ()):
            (self._same if pinned == root else self._others).append(size)

    @property
    def agreed(self) -> int:
        """How many heads are those of the log of today."""
        return len(self._same)

    def differences(self) -> list[str]:
        """What is not as it was pinned, a sentence each."""
        if not self._others:
            return self._found
        first = min(self._others)
        same = max((size for size in self._same if size < first), default=0)
        return [
            *self._found,
            f"the log was rewritten: from what was pinned it departs between leaf {same + 1} and {first} "
            f"({len(self._others)} of {len(self._pins)} pinned heads are others)",
        ]
