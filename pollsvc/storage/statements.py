"""Statements as the drivers want them, put together once each."""

import re
from functools import cache


@cache
def positional(sql: str) -> tuple[str, tuple[str, ...]]:
    """A statement with `:name` parameters as asyncpg wants it: `$1`, `$2`, …, and the names in that order."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return re.sub(r"(?<!:):([a-z_][a-z0-9_]*)", number, sql), tuple(names)


@cache
def insert_text(table: str, names: str, size: int) -> str:
    """An INSERT of so many rows with a `?` for each value; `names` are columns, separated by commas."""
    row = f"({', '.join('?' * (names.count(',') + 1))})"
    return f"INSERT INTO {table} ({names}) VALUES {', '.join([row] * size)}"
