"""Statements as the drivers want them, put together once each."""

import re
from collections.abc import Iterable
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


def json_table(sqlite: bool, columns: Iterable[tuple[str, str]]) -> str:
    """A SELECT that yields the JSON array of arrays in the parameter `:rows` as a table.

    `columns` are (name, SQL type) in the order of the inner arrays.
    """
    if sqlite:
        picked = ", ".join(
            f"json_extract(value, '$[{place}]') AS {name}" for place, (name, _) in enumerate(columns)
        )
        return f"SELECT {picked} FROM json_each(:rows) WHERE true"
    picked = ", ".join(
        f"CAST(value ->> {place} AS {type_}) AS {name}" for place, (name, type_) in enumerate(columns)
    )
    return f"SELECT {picked} FROM json_array_elements(CAST(:rows AS json)) AS r(value)"
