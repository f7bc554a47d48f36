"""The Merkle tree of RFC 9162, section 2.1: its head, and proofs that it holds a leaf and that it only grew.

A tree is given by its size and by its complete subtrees: `node(level, index)` is the hash over the `2**level`
leaves from `index * 2**level` on. All hashes are 32 bytes.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

Node = Callable[[int, int], bytes]
"""The hash of a complete subtree, by level and index."""

EMPTY = hashlib.sha256().digest()
"""The head of the empty tree."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf: SHA-256 of 0x00 and its data."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256 of 0x01 and its two children."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """The tree over a few leaves' hashes, in memory.

    In `levels`, from the leaves up, each hash is over the two below it, or is the last one below if that has
    no other beside it.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.levels = [leaves]
        while len(below := self.levels[-1]) > 1:
            pairs = [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
            self.levels.append([*pairs, below[-1]] if len(below) & 1 else pairs)

    def head(self) -> bytes:
        """The hash over all of it."""
        return self.levels[-1][0] if self.levels[0] else EMPTY

    def node(self, level: int, index: int) -> bytes:
        """A `Node`."""
        return self.levels[level][index]

    @staticmethod
    def beside(levels: Sequence[Sequence[T]], index: int) -> list[T]:
        """Of each level, what is beside the way up from a leaf: its path, as `inclusion` has it."""
        path = []
        for level in levels:
            if (other := index ^ 1) < len(level):
                path.append(level[other])
            index >>= 1
        return path


def complete_subtrees(size: int) -> Iterator[tuple[int, int]]:
    """Level and index of the complete subtrees that make up a tree, from the left, the largest first."""
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            yield level, start >> level
            start += 1 << level


def head(size: int, node: Node) -> bytes:
    """The hash over all of the tree (section 2.1.1)."""
    return _span(0, size, node)


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """The path that proves that the tree holds the leaf (section 2.1.3.1), from the leaf up."""
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_span(middle, end, node))
            end = middle
        else:
            path.append(_span(start, middle, node))
            start = middle
    return path[::-1]


def head_by_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The head that a path leads to from a leaf's hash (section 2.1.3.2); None if it is no such path."""
    if not 0 <= index < size:
        return None
    place, last, found = index, size - 1, leaf
    for hash_ in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            found = node_hash(hash_, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, hash_)
        place, last = place >> 1, last >> 1
    return found if last == 0 else None


def consistency(old: int, size: int, node: Node) -> list[bytes]:
    """The hashes that prove that the tree begins with the one of `old` leaves (section 2.1.4.1).

    There are none for an `old` of 0 or of the same size.
    """
    path: list[bytes] = []
    start, end, whole = 0, size, True
    if not 0 < old < size:
        return path
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_span(middle, end, node))
            end = middle
        else:
            path.append(_span(start, middle, node))
            start, whole = middle, False
    if not whole:
        path.append(_span(start, end, node))
    return path[::-1]


def consistent(old: int, old_head: bytes, size: int, new_head: bytes, path: Sequence[bytes]) -> bool:
    """Whether the tree with this head begins with the older one (section 2.1.4.2)."""
    if not 0 <= old <= size:
        return False
    if old in (0, size):
        return not path and old_head == (new_head if old else EMPTY)
    hashes = list(path) if old & (old - 1) else [old_head, *path]
    if not hashes:
        return False
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(hash_, before), node_hash(hash_, after)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, hash_)
        place, last = place >> 1, last >> 1
    return last == 0 and before == old_head and after == new_head


def _split(count: int) -> int:
    """The largest power of two below a count of at least 2."""
    return 1 << (count - 1).bit_length() - 1


def _span(start: int, end: int, node: Node) -> bytes:
    """The hash over the leaves from `start` to `end`, which are a subtree of some tree."""
    count, found = end - start, EMPTY
    if count and not count & (count - 1):
        level = count.bit_length() - 1
        return node(level, start >> level)
    for level, index in reversed([*complete_subtrees(count)]):
        hash_ = node(level, (start >> level) + index)
        found = hash_ if found is EMPTY else node_hash(hash_, found)
    return found
