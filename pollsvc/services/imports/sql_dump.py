"""The rows of some tables out of a SQL dump of MySQL or MariaDB, however long the rest of it is.

Reads what mysqldump, mariadb-dump and phpMyAdmin write, in one pass. What is not wanted is skipped by its
quotes and comments alone; memory holds a few hundred KiB, or the longest wanted row.
Literals are as in MySQL's manual: https://dev.mysql.com/doc/refman/8.4/en/literals.html
"""

import re
from collections.abc import Callable, Iterable, Iterator

from pollsvc.domain.errors import PollError, bad

Row = dict[str, str | None]  # a row's values by column, as text; SQL's NULL is None

_CHUNK = 256 * 1024  # bytes that are looked at together
_HEAD = 64 * 1024  # bytes of a statement within which its table and columns are named
_LONGEST = 16 * 1024 * 1024  # bytes of a row, or else a quote is missing

_ENDS = {b"-- MySQL dump ": b"-- Dump completed", b"-- MariaDB dump ": b"-- Dump completed"}
_ENDS |= {b"START TRANSACTION": b"COMMIT"}
"""What a dump begins with and then must end with, to be whole."""

_SINGLE = rb"(?:[^'\\]++|\\(?s:.)|'')*+"
_DOUBLE = rb'(?:[^"\\]++|\\(?s:.)|"")*+'
_QUOTED = rb"(?:'" + _SINGLE + rb"'|\"" + _DOUBLE + rb"\")"
_NAME = rb'(?:`(?:[^`]|``)++`|"(?:[^"]|"")++"|[\w$\x80-\xff]++)'
_TABLE = rb"(?:" + _NAME + rb"\s*+\.\s*+)?(" + _NAME + rb")\s*+"

_CODE = re.compile(rb"(?:[^'\"`;#/-]++|" + _QUOTED + rb"|`[^`]*+`|-(?=[^-])|/(?=[^*]))*+")
_INSIDE = {b"'": re.compile(_SINGLE), b'"': re.compile(_DOUBLE), b"`": re.compile(rb"[^`]*+")}
_SPACE = re.compile(rb"\s++")
_LINE_COMMENT = re.compile(rb"#|--(?=\s|\Z)")
_CREATE = re.compile(rb"(?i)CREATE\s++(?:TEMPORARY\s++)?TABLE\s++(?:IF\s++NOT\s++EXISTS\s++)?" + _TABLE)
_CHANGE = re.compile(
    rb"(?i)(?:INSERT|REPLACE|UPDATE)(?:\s++(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE|INTO)\b)*+\s*+"
    + _TABLE
)
_VALUES = re.compile(
    rb"(?i)(?:\((?P<columns>\s*+" + _NAME + rb"\s*+(?:,\s*+" + _NAME + rb"\s*+)*+)\)\s*+)?VALUES?\s*+(?=\()"
)
_DEFINITION = re.compile(rb"'" + _SINGLE + rb"'|[(),]|" + _NAME)
_NO_COLUMN = b"CHECK CONSTRAINT FOREIGN FULLTEXT INDEX KEY PERIOD PRIMARY SPATIAL UNIQUE".split()

_ROW = re.compile(rb"(\((?:[^'\")]++|" + _QUOTED + rb")*+\))(?:\s*+,\s*+(?=\())?+")
_VALUE = re.compile(
    rb"\s*+(?:(?i:NULL)|(?P<number>[-+]?[0-9.]++(?:[eE][-+]?[0-9]++)?)"
    rb"|(?:_\w++\s*+|[nN])?(?P<text>" + _QUOTED + rb")|(?:_\w++\s*+)?0x(?P<hex>[0-9a-fA-F]++))\s*+(?=[,)])"
)
_ESCAPE = {b"'": re.compile(rb"(?s)\\(.)|'(')"), b'"': re.compile(rb'(?s)\\(.)|"(")')}
_ESCAPED = {b"0": b"\0", b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"Z": b"\x1a"}


def rows(dump: Iterable[bytes], wanted: Callable[[str], bool]) -> Iterator[tuple[str, Row]]:
    """Each row that a dump, in pieces, inserts into the tables that are `wanted`, by name without schema.

    Raises PollError `bad_request` for a dump that was cut off or that cannot be read, with the line.
    """
    scanner = _Scanner(iter(dump))
    columns: dict[str, list[str]] = {}
    while scanner.next_statement():
        if create := scanner.match(_CREATE):
            if wanted(table := _name(create[1])):
                columns[table] = _defined(create.string[create.end() : create.start() + _HEAD])
        elif (change := scanner.match(_CHANGE)) and wanted(table := _name(change[1])):
            scanner.take(change.end())
            yield from ((table, row) for row in _inserted(scanner, table, columns.get(table)))
            continue
        scanner.skip_statement()


def _inserted(scanner: "_Scanner", table: str, names: list[str] | None) -> Iterator[Row]:
    head = scanner.match(_VALUES)
    if head and head["columns"]:
        names = [_name(name) for name in re.findall(_NAME, head["columns"])]
    if head is None or not names:
        fault = scanner.bad(f"no plain INSERT with known columns; export {table} with its structure")
        scanner.skip_statement()  # which finds out whether it is only cut off
        raise fault
    scanner.take(head.end())
    for values in scanner.values():
        if len(values) != len(names):
            raise scanner.bad(f"{table} has {len(names)} columns, not {len(values)}; export it again")
        yield dict(zip(names, values, strict=True))


def _name(text: bytes) -> str:
    return text.strip(b'`"').decode(errors="replace")  # no name that matters has quotes inside


def _defined(body: bytes) -> list[str]:
    """The columns that a CREATE TABLE defines, from what follows the table's name."""
    names: list[str] = []
    depth, fresh = 0, False
    for token in (found[0] for found in _DEFINITION.finditer(body)):
        if fresh and token.upper() not in _NO_COLUMN:
            names.append(_name(token))
        fresh = (depth, token) in ((0, b"("), (1, b","))
        depth += (token == b"(") - (token == b")")
        if depth == 0:
            break
    return names


def _text(value: re.Match[bytes]) -> str | None:
    """What a literal says. Raises ValueError when it is not UTF-8."""
    if (kind := value.lastgroup) is None:
        return None
    text = bytes.fromhex(value[kind].decode()) if kind == "hex" else value[kind]
    if kind == "text":
        text, quote = text[1:-1], text[:1]
        if b"\\" in text or quote in text:
            text = _ESCAPE[quote].sub(lambda found: _ESCAPED.get(found[1], found[1] or quote), text)
    return text.decode()


class _Scanner:
    """A place in the dump, in `line`, and the bytes that come next."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.line = 1
        self._chunks = chunks
        self._bytes = b""
        self._at = 0
        self._owed: set[bytes] = set()  # the ends that must still come

    def bad(self, message: str) -> PollError:
        """An error at this line."""
        return bad(f"Line {self.line} of the dump: {message}.")

    def take(self, end: int) -> None:
        """Go on to the place where a match ends."""
        self.line += self._bytes.count(b"\n", self._at, end)
        self._at = end

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """What stands here, by a pattern for a statement's first words; the place stays."""
        self._ensure(_HEAD)
        return pattern.match(self._bytes, self._at)

    def next_statement(self) -> bool:
        """Go to where the next statement begins; False when the dump is over."""
        while self._skip_blank():
            if self._sees(b";"):
                self.take(self._at + 1)
            elif self._sees(b"DELIMITER "):  # triggers and procedures
                self._skip_past(b"\nDELIMITER ;")
            else:
                self._keep_account()
                return True
        if self._owed:
            raise self._cut_off()
        return False

    def skip_statement(self) -> None:
        """Go on past the semicolon that ends this statement."""
        while not self._sees(b";"):
            if code := _CODE.match(self._bytes, self._at):
                self.take(code.end())
            if not self._skip_blank():
                raise self._cut_off()
            if (sign := self._bytes[self._at : self._at + 1]) in _INSIDE:
                self._skip_quoted(sign)
            elif sign in b"-/":
                self.take(self._at + 1)
        self.take(self._at + 1)

    def values(self) -> Iterator[list[str | None]]:
        """The rows of an INSERT, from its first `(`; go on past the semicolon."""
        while self._sees(b"("):
            while (row := _ROW.match(self._bytes, self._at)) is None:
                self._more()
            yield self._parsed(row[1])
            self.take(row.end())
            if self._sees(b"("):
                continue
            self._skip_blank()
            if not self._sees(b","):
                return self.skip_statement()
            self.take(self._at + 1)
            self._skip_blank()
        raise self._cut_off() if self._at == len(self._bytes) else self.bad("a row is missing; export again")

    def _parsed(self, row: bytes) -> list[str | None]:
        values: list[str | None] = []
        at = 1
        while at < len(row):
            if (value := _VALUE.match(row, at)) is None:
                raise self.bad("a value is no text or number; export the table with mysqldump")
            try:
                values.append(_text(value))
            except ValueError:
                raise self.bad("not UTF-8; export with --default-character-set=utf8mb4") from None
            at = value.end() + 1
        return values

    def _sees(self, sign: bytes) -> bool:
        return self._bytes.startswith(sign, self._at)

    def _skip_blank(self) -> bool:
        """Go on to what is neither space nor comment; False when nothing is left."""
        while self._ensure(64) or self._at < len(self._bytes):
            if space := _SPACE.match(self._bytes, self._at):
                self.take(space.end())
            elif not self._skip_comment():
                return True
        return False

    def _skip_comment(self) -> bool:
        """Go on past a comment, if one begins here."""
        if self._sees(b"/*"):
            self.take(self._at + 2)
            self._skip_past(b"*/")
            return True
        if not _LINE_COMMENT.match(self._bytes, self._at):
            return False
        self._keep_account()
        self._skip_past(b"\n")
        return True

    def _keep_account(self) -> None:
        for beginning, end in _ENDS.items():
            if self._sees(beginning):
                self._owed.add(end)
            elif self._sees(end):
                self._owed.discard(end)

    def _skip_quoted(self, quote: bytes) -> None:
        """Go on past a text in quotes. A quote that is doubled closes and opens: it comes to the same."""
        self.take(self._at + 1)
        while inside := _INSIDE[quote].match(self._bytes, self._at):
            self.take(inside.end())
            if self._sees(quote):
                break
            self._more()
        self.take(self._at + 1)

    def _skip_past(self, mark: bytes) -> None:
        while (end := self._bytes.find(mark, self._at)) < 0:
            self.take(max(self._at, len(self._bytes) - len(mark)))  # the mark may have begun
            if not self._fill():
                if mark != b"\n":
                    raise self._cut_off()
                return self.take(len(self._bytes))
        return self.take(end + len(mark))

    def _more(self) -> None:
        if len(self._bytes) - self._at > _LONGEST or not self._fill():
            raise self._cut_off()

    def _ensure(self, size: int) -> bool:
        """Have so many bytes in sight; False when the dump has fewer."""
        return len(self._bytes) - self._at >= size or (self._fill() and self._ensure(size))

    def _fill(self) -> bool:
        """Read at least as many bytes again as are in sight; False when there are none."""
        parts = [self._bytes[self._at :]]
        size = 0
        while size < max(_CHUNK, len(parts[0])) and (chunk := next(self._chunks, None)) is not None:
            parts.append(chunk)
            size += len(chunk)
        self._bytes, self._at = b"".join(parts), 0
        return size > 0

    def _cut_off(self) -> PollError:
        return bad(f"The dump is cut off in line {self.line}; export it again and copy all of it.")
