"""The formats of exports: records as JSON, as NDJSON or as CSV, without holding more than a few of them."""

import csv
import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from enum import StrEnum

from msgspec.json import Encoder

from pollsvc.services.exports.cells import cell
from pollsvc.services.exports.sections import Record, Section

_encode = Encoder().encode

CHUNK = 32 * 1024
"""Bytes that are gathered before they are passed on."""

Pieces = AsyncGenerator[tuple[bytes, int]]
"""Bytes, each with the number of times that they stand there."""

_BOM = b"\xef\xbb\xbf"


class Format(StrEnum):
    """How an export is written.

    `json`: one object (RFC 8259), a record a line. `ndjson`: an object a line, each with its `type`; the last
    one is of type `end` and tells that nothing is missing. `csv`: one table (RFC 4180).
    """

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


MEDIA_TYPES: Mapping[Format, str] = {
    Format.JSON: "application/json",
    Format.NDJSON: "application/x-ndjson",
    Format.CSV: "text/csv; charset=utf-8; header=present",
}


async def json_pieces(sections: Sequence[Section]) -> Pieces:
    """One JSON object: a record for a section's member, or a list of many."""
    before = b"{"
    for section in sections:
        name = _encode(section.member) + b":"
        if not section.many:
            async for record, _ in section.rows:
                yield before + name + _encode(record), 1
        else:
            yield before + name + b"[", 1
            comma = b"\n"
            async for record, times in section.rows:
                text = _encode(record)
                yield comma + text, 1
                comma = b",\n"
                yield comma + text, times - 1
            yield b"\n]", 1
        before = b",\n"
    yield b"}\n", 1


async def ndjson_pieces(sections: Sequence[Section]) -> Pieces:
    """A line for each record, with its type first, and one that ends them with their number."""
    number = 0
    for section in sections:
        start = b'{"type":' + _encode(section.type) + b","
        async for record, times in section.rows:
            yield start + _encode(record)[1:] + b"\n", times
            number += times
    yield b'{"type":"end",' + _encode({"records": number})[1:] + b"\n", 1


async def csv_pieces(table: Section) -> Pieces:
    """A table as CSV in UTF-8, with a header.

    It begins with a byte order mark: without one Excel takes the file for the computer's old code page, and
    Arabic or Persian labels are lost. Counts by option are a column each.
    """
    text = io.StringIO()
    write = csv.writer(text).writerow

    def line(cells: Sequence[object]) -> bytes:
        text.seek(0)
        text.truncate()
        write([cell(value) for value in cells])
        return text.getvalue().encode()

    yield _BOM + line(table.header), 1
    async for record, times in table.rows:
        yield line(_flat(record)), times


def _flat(record: Record) -> list[object]:
    """A record's values, the counts by option one by one."""
    values: list[object] = []
    for name, value in record.items():
        if name == "options" and isinstance(value, list):
            values += [option["count"] for option in value]
        else:
            values.append(value)
    return values


async def chunks(pieces: Pieces) -> AsyncGenerator[bytes]:
    """The pieces put together to chunks of about CHUNK bytes."""
    buffer = bytearray()
    async for piece, times in pieces:
        left = times
        while left > 0:
            fit = min(left, CHUNK // len(piece) + 1)
            buffer += piece * fit
            left -= fit
            if len(buffer) >= CHUNK:
                yield bytes(buffer)
                buffer.clear()
    if buffer:
        yield bytes(buffer)
