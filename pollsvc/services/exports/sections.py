"""What an export holds: sections of records, read while they are written."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

FORMAT = 1
"""The version of what `all` writes; it grows when an older release could not import it."""


class What(StrEnum):
    """What of a poll is exported.

    `definition`; `totals` by option; `series`, counts over time; `articles`, counts on each article;
    `tally`, how many ballots there are of each sort; `ballots`, one by one; `all` of it, to be imported.
    """

    ALL = "all"
    DEFINITION = "definition"
    TOTALS = "totals"
    SERIES = "series"
    ARTICLES = "articles"
    TALLY = "tally"
    BALLOTS = "ballots"


Record = Mapping[str, object]
Rows = AsyncGenerator[tuple[Record, int]]
"""Records, each with the number of times that it stands there."""
Progress = Callable[[int, int], None]
"""Told how many ballots of how many are done."""


@dataclass(frozen=True, slots=True)
class Section:
    """Records of one `type`, in JSON the member of that name.

    There is one record, or `many`, with the columns `header` in CSV.
    """

    type: str
    member: str
    many: bool
    rows: Rows
    header: Sequence[str] = ()
