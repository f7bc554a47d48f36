"""A closed poll's ballots, recounted offline by a script that anybody can run."""

import asyncio
import json
import runpy
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pollsvc.domain.checkpoint import verifier_key
from pollsvc.domain.poll import Kind
from pollsvc.services.ballot_log.keys import SigningKey
from pollsvc.services.ballot_log.trust import handover_text
from tests.support.reader import Http, Reader
from tests.support.server import OPTIONS, SECRET, CliError, Service, until

SCRIPT = Path(__file__).parent.parent / "static" / "recount.py"

Lines = list[dict[str, Any]]


def recount(bundle: Path, *args: str) -> tuple[int, dict[str, Any]]:
    """Run the script as anybody would: without pollsvc, and without its packages."""
    done = subprocess.run(  # noqa: PLW1510 - its status is what is looked at
        [sys.executable, "-I", "-S", str(SCRIPT), str(bundle), "--json", *args],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {"said": done.stderr}


async def bundle_of(service: Service, poll: str, file: Path) -> Path:
    """A poll's bundle, once all is sealed."""
    refused: list[str] = []

    async def written() -> bool:
        refused.clear()
        try:
            await service.run("poll", "bundle", poll, "-o", str(file))
        except CliError as error:
            refused.append(error.output)
        return not refused

    await until(written)
    return file


class Closed(NamedTuple):
    """A closed poll among others' votes: its bundle, and the receipt of a ballot that still stands."""

    poll: str
    bundle: Path
    receipt: dict[str, Any]


@pytest.fixture(scope="module")
async def closed(shared: Service, tmp_path_factory: pytest.TempPathFactory) -> Closed:
    async with Http(shared.base_url) as http:
        poll, *others = [await shared.add_poll(allow_change=True) for _ in range(3)]
        readers = [Reader(http) for _ in range(40)]
        for number, reader in enumerate(readers):
            votes = [reader.vote(poll, 1 + number % 3), *(Reader(http).vote(other, 1) for other in others)]
            await asyncio.gather(*votes)
        await readers[0].vote(poll, 2)
        await readers[1].vote(poll)
        receipt = (await readers[5].vote(poll, 3)).json["receipt"]
        voter = (await readers[2].vote(poll, 3)).json["receipt"]["leaf"].split("\n")[3]
    await shared.run("poll", "review", poll, "--exclude", "test", "--voter", voter)
    await shared.run("poll", "close", poll)
    file = tmp_path_factory.mktemp("bundle") / "bundle.ndjson"
    return Closed(poll, await bundle_of(shared, poll, file), receipt)


async def test_anybody_can_recount_a_closed_poll(
    shared: Service, http: Http, closed: Closed, tmp_path: Path
) -> None:
    poll, bundle, receipt = closed
    status, found = recount(bundle)
    assert (status, found["differences"]) == (0, [])
    published = await shared.cli("results", poll)
    assert {**found["results"], "version": 0} == {**published, "version": 0}
    assert (found["voters"], published["voters"], published["excluded"]) == (40, 38, 1)
    mine = tmp_path / "receipt.json"
    mine.write_text(json.dumps(receipt))
    log = (await http.get("/api/v1/log/keys")).json
    status, found = recount(bundle, "--receipt", str(mine), "--key", log["keys"][-1]["key"])
    assert (status, found["receipt"]["status"], found["receipt"]["last"]) == (0, "counted", receipt["number"])
    said = await shared.run("audit", "--bundle", str(bundle))
    counts = [
        f"{option['count']:,}  {label}" for option, label in zip(published["options"], OPTIONS, strict=True)
    ]
    assert all(count in said for count in counts), said
    assert "38  voters; of other ballots 0 held, 1 excluded" in said
    assert said.endswith("all agree\n")
    packed = await bundle_of(shared, poll, tmp_path / "bundle.ndjson.gz")
    assert recount(packed)[0] == 0


def _leaf(lines: Lines, place: int) -> dict[str, Any]:
    return [line for line in lines if line["type"] == "leaf"][place]


def _node(lines: Lines) -> dict[str, Any]:
    return next(line for line in lines if line["type"] == "node")


def _change_leaf(old: str, new: str) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        leaf = next(line for line in lines if line["type"] == "leaf" and old in line["data"])
        leaf["data"] = leaf["data"].replace(old, new)

    return change


def _retire(lines: Lines, *, before_the_head: bool) -> None:
    """Have the key that signed the head hand over to another, of whom the head knows nothing."""
    log, size, _ = lines[0]["checkpoint"].split("\n", 2)
    since = int(size) - before_the_head
    new = SigningKey("another-secret-of-more-than-32-characters")
    handover = SigningKey(SECRET).sign(handover_text(log, since, new.name))
    key = verifier_key(log, new.public)
    lines[0]["keys"].append({"key": key, "since": since, "signature": b64encode(handover).decode()})


async def test_what_became_of_a_ballot_after_its_receipt_is_told(
    shared: Service, http: Http, tmp_path: Path
) -> None:
    """It was changed, withdrawn, or excluded: the receipt's leaf is in the log all the same."""
    poll, readers = await shared.add_poll(allow_change=True), [Reader(http) for _ in range(3)]
    receipts = [(await reader.vote(poll, 1)).json["receipt"] for reader in readers]
    await readers[0].vote(poll, 2)
    await readers[1].vote(poll)
    voter = receipts[2]["leaf"].split("\n")[3]
    await shared.run("poll", "review", poll, "--exclude", "test", "--voter", voter)
    await shared.run("poll", "close", poll)
    bundle = await bundle_of(shared, poll, tmp_path / "bundle.ndjson")
    for place, stands in enumerate(("counted", "withdrawn", "excluded (test)"), 4):
        mine = tmp_path / "receipt.json"
        mine.write_text(json.dumps(receipts[place - 4]))
        said = subprocess.run(
            [sys.executable, str(SCRIPT), str(bundle), "--receipt", str(mine)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert (
            f"entry {place - 3} is among them; the ballot stands as {stands}, by the later entry {place}."
            in said
        )


@pytest.mark.parametrize(
    "content", ["{}", "[]", "x", "[" * 9_999 + "]" * 9_999, '{"leaf": 1}', '{"leaf": "x"}']
)
def test_what_is_no_receipt_is_told(closed: Closed, tmp_path: Path, content: str) -> None:
    file = tmp_path / "receipt.json"
    file.write_text(content)
    status, found = recount(closed.bundle, "--receipt", str(file))
    assert (status, found["said"][:9]) == (2, "recount: ")
    assert "Traceback" not in found["said"]


TAMPERING: dict[str, Callable[[Lines], object]] = {
    "another answer": _change_leaf("\n1\ncounted", "\n2\ncounted"),
    "another status": _change_leaf("\ncounted\n\n", "\nexcluded\ntest\n"),
    "a ballot left out": lambda lines: lines.remove(_leaf(lines, 7)),
    "two ballots exchanged": lambda lines: _leaf(lines, 3).update(data=_leaf(lines, 4)["data"]),
    "a ballot twice": lambda lines: lines.insert(5, dict(_leaf(lines, 0))),
    "another result": lambda lines: lines[0]["results"]["options"][0].update(count=99),
    "an option twice": lambda lines: lines[0]["results"]["options"].append(lines[0]["results"]["options"][0]),
    "a node of no level": lambda lines: _node(lines).update(level=10**12),
    "a node of a negative level": lambda lines: _node(lines).update(level=-1),
    "a hidden exclusion": lambda lines: lines[0]["results"].update(excluded=0, reasons=[]),
    "an average": lambda lines: lines[0]["results"].update(mean=4.5),
    "labels that count for others": lambda lines: lines[0]["poll"]["counts_for"].update({"1": 2}),
    "another head": lambda lines: lines[0].update(checkpoint=lines[0]["checkpoint"].replace("\n", "\n1", 1)),
    "another key": lambda lines: lines[0]["keys"][0].update(key="a+00000000+AQ=="),
    "a head signed by a retired key": partial(_retire, before_the_head=True),
    "the end cut off": lambda lines: lines.pop(),
    "half of it cut off": lambda lines: lines.__delitem__(slice(len(lines) // 2, None)),
    "a head that is a number": lambda lines: lines[0].update(checkpoint=1),
    "a leaf that is a list": lambda lines: _leaf(lines, 2).update(data=[]),
    "a node altered": lambda lines: _node(lines).update(hash="A" * 43 + "="),
}


@pytest.mark.parametrize("what", TAMPERING)
async def test_tampering_is_found(closed: Closed, what: str, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in closed.bundle.read_text().splitlines()]
    TAMPERING[what](lines)
    bundle = tmp_path / "bundle.ndjson"
    bundle.write_text("".join(json.dumps(line) + "\n" for line in lines))
    status, found = recount(bundle)
    assert (status, found["ok"]) == (1, False)
    assert found["differences"]


async def test_a_key_that_was_retired_since_has_signed_the_head(closed: Closed, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in closed.bundle.read_text().splitlines()]
    _retire(lines, before_the_head=False)
    bundle = tmp_path / "bundle.ndjson"
    bundle.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert recount(bundle) == (0, recount(closed.bundle)[1])


async def test_a_key_that_the_log_is_only_handed_to_later_proves_nothing(
    closed: Closed, tmp_path: Path
) -> None:
    """Whoever makes a log of their own can hand it over to a key that is not theirs."""
    lines = [json.loads(line) for line in closed.bundle.read_text().splitlines()]
    _retire(lines, before_the_head=False)
    bundle = tmp_path / "bundle.ndjson"
    bundle.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert recount(bundle, "--key", SigningKey(SECRET).name)[0] == 0
    later = SigningKey("another-secret-of-more-than-32-characters").name
    assert "another key" in recount(bundle, "--key", later)[1]["differences"][0]


async def test_another_key_and_a_receipt_that_is_missing_are_told(closed: Closed, tmp_path: Path) -> None:
    _, bundle, receipt = closed
    other = tmp_path / "other.json"
    other.write_text(json.dumps(receipt | {"leaf": receipt["leaf"].replace("\n3\n", "\n1\n")}))
    assert "not among the ballots" in recount(bundle, "--receipt", str(other))[1]["differences"][0]
    known = json.loads(bundle.read_text().partition("\n")[0])["keys"][-1]["key"]
    assert recount(bundle, "--key", known)[0] == 0
    for key in ("A" * 43 + "=", f"pollsvc/another{known[known.index('+') :]}"):
        assert "another key" in recount(bundle, "--key", key)[1]["differences"][0], key


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "x", "[" * 9_999, '{"type": "bundle", "format": 99}', '{"type": "bundle", "format": 1}'],
)
def test_what_is_no_bundle_is_told(tmp_path: Path, content: str) -> None:
    bundle = tmp_path / "bundle"
    bundle.write_text(content)
    status, found = recount(bundle)
    assert status == 2
    assert found["said"].startswith("recount: ")


async def test_the_average_of_a_rating_is_recounted(shared: Service, tmp_path: Path) -> None:
    poll = await shared.add_poll(kind=Kind.RATING, options=[], scale=5)
    async with Http(shared.base_url) as http:
        for stars in (5, 4, 4):
            await Reader(http).vote(poll, stars)
    await shared.run("poll", "close", poll)
    _, found = recount(await bundle_of(shared, poll, tmp_path / "bundle.ndjson"))
    assert (found["ok"], found["results"]["mean"]) == (True, 4.33)


async def test_an_open_poll_has_no_bundle(shared: Service) -> None:
    poll = await shared.add_poll()
    with pytest.raises(CliError) as refused:
        await shared.run("poll", "bundle", poll)
    assert "close it first" in refused.value.output


def test_signatures_are_those_of_rfc_8032() -> None:
    """The test vectors of section 7.1."""
    signed = runpy.run_path(str(SCRIPT))["signed"]
    for key, message, signature in VECTORS:
        made = [bytes.fromhex(part) for part in (key, message, signature)]
        assert signed(*made)
        assert not signed(made[0], made[1] + b"x", made[2])
        assert not signed(made[0], made[1], made[2][:63] + bytes([made[2][63] ^ 1]))


VECTORS = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)
