"""The tiles in which a log keeps its tree: C2SP tlog-tiles, https://c2sp.org/tlog-tiles.

A tile of level L holds the hashes of up to 256 complete subtrees of `256**L` leaves each, one after another.
Full tiles never change; of each level only the last may be partial.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pollsvc.domain.merkle import Tree

HASH = 32
"""Bytes of a hash."""
HEIGHT = 8
WIDTH = 1 << HEIGHT
"""How many hashes a full tile holds."""


class Place(NamedTuple):
    """Which tile: its level, and its number from the left, from 0."""

    level: int
    number: int


def place_of(level: int, index: int) -> Place:
    """The tile that holds, or has below it, a complete subtree of the tree."""
    return Place(level // HEIGHT, index >> HEIGHT - level % HEIGHT)


def last_tiles(size: int) -> list[Place]:
    """The partial tiles of a tree: those that the next leaves change."""
    places = []
    level = 0
    while size:
        if size % WIDTH:
            places.append(Place(level, size // WIDTH))
        level, size = level + 1, size // WIDTH
    return places


def width_of(place: Place, size: int) -> int:
    """How many hashes the tile holds in a tree of this size; 0 where there is none."""
    return min(max((size >> HEIGHT * place.level) - place.number * WIDTH, 0), WIDTH)


def hashes_of(tile: bytes) -> list[bytes]:
    """The hashes in a tile."""
    return [tile[start : start + HASH] for start in range(0, len(tile), HASH)]


class Tiles:
    """Some of a tree's tiles; `node` reads complete subtrees from them, or raises KeyError."""

    def __init__(self, tiles: Mapping[Place, bytes]) -> None:
        self._trees = {place: Tree(hashes_of(tile)) for place, tile in tiles.items()}

    def node(self, level: int, index: int) -> bytes:
        place, height = place_of(level, index), level % HEIGHT
        return self._trees[place].node(height, index & (WIDTH >> height) - 1)


class Needed:
    """Finds out which tiles a proof needs: `node` notes them, and knows no hash."""

    def __init__(self) -> None:
        self.places: set[Place] = set()

    def node(self, level: int, index: int) -> bytes:
        self.places.add(place_of(level, index))
        return bytes(HASH)


def grown(size: int, last: Mapping[Place, bytes], leaves: Sequence[bytes]) -> dict[Place, bytes]:
    """The tiles that are new or changed when leaves' hashes are added to a tree of `size`.

    `last` has the tree's `last_tiles`.
    """
    changed: dict[Place, bytes] = {}
    level, hashes = 0, [*leaves]
    while hashes:
        number, taken = divmod(size, WIDTH)
        if taken:
            hashes = [*hashes_of(last[Place(level, number)]), *hashes]
        full = []
        for start in range(0, len(hashes), WIDTH):
            tile = hashes[start : start + WIDTH]
            changed[Place(level, number + start // WIDTH)] = b"".join(tile)
            if len(tile) == WIDTH:
                full.append(Tree(tile).node(HEIGHT, 0))
        level, size, hashes = level + 1, number, full
    return changed
