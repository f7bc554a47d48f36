"""Reading an export of `all`: its records one by one, checked; JSON as a whole, NDJSON of any size."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, TypeVar, cast

import msgspec
from msgspec import Struct

from pollsvc.domain.errors import PollError, bad
from pollsvc.services.exports.sections import FORMAT
from pollsvc.services.imports.records import BallotRecord, Count, Head, PollRecord, ResultsRecord

MAX_LINE = 1024 * 1024
"""The longest line of an NDJSON file, in bytes."""
MAX_DEFINITION = 16 * MAX_LINE
"""The longest line of a poll's definition: readers may have written thousands of answers."""
MAX_JSON = 16 * MAX_LINE
"""The largest JSON file, in bytes: it is held in memory."""

_BOM = b"\xef\xbb\xbf"

T = TypeVar("T")


class _Document(Struct):
    export: Head
    poll: PollRecord | None = None
    ballots: list[BallotRecord] | None = None
    results: ResultsRecord | None = None


class _HeadLine(Head, tag="export"):
    pass


class _PollLine(PollRecord, tag="poll"):
    pass


class _ResultsLine(ResultsRecord, tag="results"):
    pass


class _BallotLine(BallotRecord, tag="ballot"):
    pass


class _EndLine(Struct, tag="end"):
    records: Count


class _TotalLine(Struct, tag="total"):
    pass


class _NoticeLine(Struct, tag="notice"):
    pass


class _CellLine(Struct, tag="cell"):
    pass


_Line = _HeadLine | _PollLine | _ResultsLine | _BallotLine | _EndLine | _TotalLine | _NoticeLine | _CellLine


class Placed(NamedTuple):
    """A record, and where it stands: `Line 12`, or `Ballot 7` of a JSON file."""

    where: str
    record: Head | PollRecord | ResultsRecord | BallotRecord


class ExportFile(NamedTuple):
    """An export that is being read: its head, the definition and where that stands, and the rest, to come."""

    head: Head
    where: str
    poll: PollRecord
    rest: Iterator[Placed]


def read_export(file: BinaryIO) -> ExportFile:
    """Read an export of `all` of a poll.

    Raises PollError `bad_request`, which says where something is wrong; so does `rest` when it gets there.
    """
    first = file.readline(MAX_LINE + 1).removeprefix(_BOM)
    try:
        line = msgspec.json.decode(first) if first.strip() else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        line = None
    if isinstance(line, dict) and "type" in line:
        records = _lines(file, first)
    else:
        records = _document(first + file.read(MAX_JSON + 1 - len(first)))
    head, poll = next(records).record, next(records, None)
    if not isinstance(head, Head) or poll is None or not isinstance(poll.record, PollRecord):
        raise bad("The file does not begin with records of the types export and poll; export the poll again.")
    return ExportFile(head, poll.where, poll.record, records)


def fault(where: str, what: str) -> PollError:
    """An error in a file, at a place of it."""
    return bad(f"{where}: {what}", where.lower())


def _document(content: bytes) -> Iterator[Placed]:
    if len(content) > MAX_JSON:
        raise bad(f"The file is larger than {MAX_JSON >> 20} MiB; export the poll as NDJSON, of any size.")
    document = _decode(msgspec.json.Decoder(_Document), content, "The file")
    yield Placed("The file", _checked(document.export, "The file"))
    if document.poll is None or document.ballots is None:
        raise bad("The file has no poll, or no ballots; export it with --what all.")
    yield Placed("The poll", document.poll)
    if document.results is not None:
        yield Placed("The results", document.results)
    for number, ballot in enumerate(document.ballots, 1):
        yield Placed(f"Ballot {number}", ballot)


def _lines(file: BinaryIO, text: bytes) -> Iterator[Placed]:
    """The records of an NDJSON file whose first line is `text`, less those that are not needed."""
    decoder = msgspec.json.Decoder(_Line)
    number, limit, records, ended = 1, MAX_DEFINITION, 0, False
    before, record = b"", cast("object", None)
    while text:
        where = f"Line {number}"
        if len(text) > limit:
            raise fault(where, f"It is longer than {limit >> 20} MiB; that is no line of an export.")
        if text.strip():
            if ended:
                raise fault(where, "There is more after the end of the export; give one at a time.")
            if text != before:  # ballots of a sort are the same line many times
                record = _decode(decoder, text, where)
                before = text if isinstance(record, _BallotLine) else b""
            match record:
                case _EndLine():
                    ended = True
                    if record.records != records:
                        raise fault(where, f"{record.records:,} records were written, {records:,} are here.")
                case _HeadLine():
                    yield Placed(where, _checked(record, where))
                case _PollLine():
                    limit = MAX_LINE
                    yield Placed(where, record)
                case _ResultsLine() | _BallotLine():
                    yield Placed(where, record)
            records += 1
        text = file.readline(limit + 1)
        number += 1
    if not ended:
        raise fault(f"Line {number}", "The end of the export is missing; copy all of it, or export it again.")


def _checked(head: Head, where: str) -> Head:
    """The head of an export that this release can import. Raises PollError for another."""
    if head.format > FORMAT:
        raise fault(where, "It was exported by a newer release; update pollsvc.")
    if head.what != "all":
        raise fault(where, f"It holds only the {_short(head.what)} of a poll; export it with --what all.")
    return head


def _decode(decoder: "msgspec.json.Decoder[T]", text: bytes, where: str) -> T:
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise fault(where, f"{_short(str(error))}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise fault(where, "It is no JSON; give what `pollsvc poll export` wrote.") from None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:200]}…"
