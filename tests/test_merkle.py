"""The Merkle tree of the ballot log: RFC 9162's hashes, and proofs that hold for what is there, no more."""

import hashlib
from collections.abc import Sequence
from itertools import product

import pytest

from pollsvc.domain.merkle import (
    EMPTY,
    Tree,
    consistency,
    consistent,
    head,
    head_by_inclusion,
    inclusion,
    leaf_hash,
    node_hash,
)

# The leaves and heads that the Certificate Transparency project published for these hashes.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
HEADS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [leaf_hash(b"%d" % number) for number in range(70)]
NODE = Tree(HASHES).node


def by_definition(leaves: Sequence[bytes]) -> bytes:
    """The head as section 2.1.1 defines it."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(by_definition(leaves[:split]), by_definition(leaves[split:]))


@pytest.mark.parametrize("size", range(9))
def test_the_published_heads(size: int) -> None:
    tree = Tree([leaf_hash(leaf) for leaf in LEAVES[:size]])
    assert head(size, tree.node).hex() == HEADS[size]


def test_the_head_is_that_of_the_definition() -> None:
    for size in range(len(HASHES) + 1):
        assert head(size, NODE) == by_definition(HASHES[:size])


def test_each_leaf_has_a_path_to_the_head_and_to_no_other() -> None:
    for size in range(1, 70):
        root = head(size, NODE)
        for index in range(size):
            path = inclusion(index, size, NODE)
            tree = Tree(HASHES[:size])
            assert (tree.beside(tree.levels, index), tree.head()) == (path, root)
            assert head_by_inclusion(index, size, HASHES[index], path) == root
            assert head_by_inclusion(index, size, HASHES[index + 1], path) != root
            assert head_by_inclusion(index, size, HASHES[index], [*path, EMPTY]) is None
            if path:
                assert head_by_inclusion(index, size, HASHES[index], path[:-1]) is None
                assert head_by_inclusion(index, size, HASHES[index], [EMPTY, *path[1:]]) != root


def test_a_place_outside_the_tree_has_no_path() -> None:
    assert head_by_inclusion(3, 3, HASHES[0], []) is None
    assert head_by_inclusion(-1, 3, HASHES[0], []) is None
    assert head_by_inclusion(0, 0, HASHES[0], []) is None


def test_a_tree_proves_each_of_its_beginnings() -> None:
    for old, size in product(range(70), range(70)):
        before, after = head(old, NODE), head(size, NODE)
        path = consistency(old, size, NODE)
        assert consistent(old, before, size, after, path) == (old <= size)


def test_a_tree_that_was_rewritten_proves_nothing() -> None:
    other = Tree([*HASHES[:3], EMPTY, *HASHES[4:]]).node
    for old in range(4, 69):
        for size in range(old, 70):
            before, after = head(old, NODE), head(size, other)
            for path in (consistency(old, size, NODE), consistency(old, size, other), [], [before]):
                assert not consistent(old, before, size, after, path)


def test_a_proof_that_is_cut_or_longer_proves_nothing() -> None:
    for old, size in ((1, 2), (3, 7), (4, 8), (6, 8), (33, 69)):
        before, after, path = head(old, NODE), head(size, NODE), consistency(old, size, NODE)
        assert not consistent(old, before, size, after, path[:-1])
        assert not consistent(old, before, size, after, path[1:])
        assert not consistent(old, before, size, after, [*path, EMPTY])
    assert not consistent(0, HASHES[0], 5, head(5, NODE), [])
    assert not consistent(6, HASHES[0], 5, head(5, NODE), [])
