"""A file's content in pieces: unzipped if it is gzipped, without a byte order mark, and not without end."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from pollsvc.domain.errors import bad

_PIECE = 256 * 1024  # bytes

_NO_TEXT = (b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"\xff\xfe", b"\xfe\xff")
"""How packed files (zip, bzip2, xz, zstd) and texts in UTF-16 begin."""


def unpacked(source: BinaryIO | Iterable[bytes], most: int | None = None) -> Iterator[bytes]:
    """The pieces of a file, or of what are pieces of one already.

    Raises PollError `bad_request` for another way of packing, a damaged file, or more than `most` bytes.
    """
    read = getattr(source, "read", None)
    pieces = iter(lambda: read(_PIECE), b"") if read else iter(source)
    start = b""
    while len(start) < 8 and (piece := next(pieces, None)) is not None:
        start += piece
    if start.startswith(_NO_TEXT):
        raise bad("The dump is packed or in UTF-16; unpack it, or export it with --result-file instead of >.")
    pieces = chain([start.removeprefix(b"\xef\xbb\xbf")], pieces)
    if start.startswith(b"\x1f\x8b"):
        pieces = _gunzip(pieces)
    return pieces if most is None else _bounded(pieces, most)


def _gunzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    unzip = zlib.decompressobj(wbits=31)
    try:
        for piece in pieces:
            while piece:
                if unzip.eof:  # one gzip file may follow another
                    unzip = zlib.decompressobj(wbits=31)
                yield unzip.decompress(piece, _PIECE)
                piece = unzip.unused_data.lstrip(b"\0") if unzip.eof else unzip.unconsumed_tail  # noqa: PLW2901
        yield unzip.flush()
    except zlib.error:
        raise bad("The gzip file is damaged; export it or copy it again.") from None
    if not unzip.eof:
        raise bad("The gzip file is cut off; export it or copy it again.")


def _bounded(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    left = most
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise bad(
                f"The dump is larger than {most >> 20:,} MiB when it is unpacked; export only the tables of "
                "WP-Polls."
            )
        yield piece
