"""10,000 forged or altered tokens, receipts, assertions and proofs: none is accepted."""

import json
import random
import time
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from pollsvc.domain.errors import PollError
from pollsvc.domain.poll import Poll
from pollsvc.services.proof_of_work import ProofOfWork
from pollsvc.services.readers import Readers, voter_of
from pollsvc.services.vouching import secret_of, vouched_reader
from tests.support.reader import Http, Reader
from tests.support.server import SECRET, Service
from tests.test_admission import solved
from tests.test_ballot_log import proven
from tests.test_vouching import assertion

OTHER_SECRET = "another-secret-for-tests-of-more-than-32-characters"
SHARES = {"tokens": 4_000, "receipts": 3_000, "assertions": 2_000, "proofs": 1_000}
SENT = 200
"""So many of the tokens are sent to the service, too."""
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def altered(text: str, chance: random.Random) -> str:
    """A text with something changed, lost, doubled or added anywhere."""
    place = chance.randrange(len(text))
    match chance.randrange(6):
        case 0:
            return text[:place] + chance.choice(_BASE64) + text[place + 1 :]
        case 1:
            return text[:place] + text[place + 1 :]
        case 2:
            return text[:place] + text[place] + text[place:]
        case 3:
            return text[:place]
        case 4:
            return text[:place] + chance.choice(" .=%\0é\n/+") + text[place:]
        case _:
            return text.swapcase() if chance.random() < 0.5 else text[::-1]


def parts_exchanged(one: str, other: str, chance: random.Random) -> str:
    """The parts of one, but for some of another's."""
    mixed = [chance.choice(pair) for pair in zip(one.split("."), other.split("."), strict=True)]
    return ".".join(mixed)


def is_same(one: str, other: str) -> bool:
    """Whether two tokens say the same: base64 leaves bits of the last character that say nothing."""
    try:
        return [_decoded(part) for part in one.split(".")] == [_decoded(part) for part in other.split(".")]
    except ValueError:
        return False


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def receipt_altered(receipt: Mapping[str, Any], other: Mapping[str, Any], chance: random.Random) -> Any:
    """A receipt that says something else in one of the fields that are signed."""
    made = json.loads(json.dumps(receipt))
    match chance.randrange(7):
        case 0:
            made["leaf"] = altered(made["leaf"], chance)
        case 1:
            made["number"] += chance.choice([-1, 1, 100])
        case 2:
            made["first"] += chance.choice([-1, 1])
        case 3:
            made["count"] += chance.choice([-1, 1])
        case 4:
            place = chance.randrange(64)
            signature = bytearray(b64decode(made["signature"]))
            signature[place] ^= 1 << chance.randrange(8)
            made["signature"] = b64encode(bytes(signature)).decode()
        case 5:
            made["path"] = [*made["path"], b64encode(chance.randbytes(32)).decode()]
        case _:
            made |= {name: other[name] for name in ("signature", "key", "poll") if other[name] != made[name]}
    return made


async def test_none_of_10_000_is_accepted(shared: Service, http: Http) -> None:
    chance = random.Random(10_000)
    ids = [await shared.add_poll() for _ in range(2)]
    voters = [Reader(http) for _ in range(20)]
    receipts = [(await one.vote(ids[place % 2], 1)).json["receipt"] for place, one in enumerate(voters)]
    tokens = [str(one.token) for one in voters]
    async with shared.editor() as editor:
        poll, other = [await editor.poll(id_) for id_ in ids]
    accepted: Counter[str] = Counter()
    tried: Counter[str] = Counter()

    def check(sort: str, *, accepts: bool) -> None:
        tried[sort] += 1
        accepted[sort] += accepts

    forgers = Readers([OTHER_SECRET])
    sent = []
    while tried["tokens"] < SHARES["tokens"]:
        token = chance.choice(tokens)
        made = chance.choice(
            (
                altered(token, chance),
                parts_exchanged(token, chance.choice(tokens), chance),
                forgers.identify(poll.site, None, None).token,
                token.replace(poll.site.id, "anothersite"),
            )
        )
        if not any(is_same(made, known) for known in tokens):
            check("tokens", accepts=_identifies(Readers([SECRET]), poll, made))
            sent.append(made)
    while tried["receipts"] < SHARES["receipts"]:
        one, two = chance.sample(receipts, 2)
        made_receipt = receipt_altered(one, two, chance)
        if made_receipt not in (one, two):
            check("receipts", accepts=_is_proven(made_receipt))
    words = [assertion(secret_of(poll.site), f"reader {number}") for number in range(20)]
    while tried["assertions"] < SHARES["assertions"]:
        word = chance.choice(words)
        made = chance.choice(
            (
                altered(word, chance),
                parts_exchanged(word, chance.choice(words), chance),
                assertion(OTHER_SECRET, "anna"),
                assertion(secret_of(poll.site), "anna", -3_600.0),
            )
        )
        if made not in words:
            check("assertions", accepts=_vouches(poll, made))
    _try_proofs(poll, other, tokens, chance, check, lambda: tried["proofs"])

    begun = await http.counts(ids[0])
    for made in sent[:SENT]:
        answer = await http.post_vote(ids[0], {"selection": [2], "reader": made})
        assert (answer.status, answer.code) in ((401, "bad_reader_token"), (400, "bad_request")), made
    assert await http.counts(ids[0]) == begun
    told = ", ".join(f"{accepted[sort]} of {number:,} {sort}" for sort, number in tried.items())
    print(f"\nforged or altered, accepted: {told}; {SENT} of the tokens were sent to the service too")
    assert sum(tried.values()) == 10_000
    assert not accepted.total()


def _try_proofs(
    poll: Poll,
    other: Poll,
    tokens: list[str],
    chance: random.Random,
    check: Callable[..., None],
    tried: Callable[[], int],
) -> None:
    readers, works, forger = (
        Readers([SECRET]),
        ProofOfWork([SECRET], time.time),
        ProofOfWork([OTHER_SECRET], time.time),
    )
    mine, its = [voter_of(poll, readers.identify(poll.site, token, None)) for token in tokens[:2]]
    proof = solved(works.challenge(poll.id, mine, 0))
    assert works.proves(proof, poll.id, mine)
    check("proofs", accepts=works.proves(proof, poll.id, its))
    check("proofs", accepts=works.proves(proof, other.id, mine))
    check("proofs", accepts=works.proves(solved(forger.challenge(poll.id, mine, 0)), poll.id, mine))
    late = ProofOfWork([SECRET], lambda: time.time() - 3_600)
    check("proofs", accepts=works.proves(solved(late.challenge(poll.id, mine, 0)), poll.id, mine))
    good = json.loads(b64decode(proof))
    while tried() < SHARES["proofs"]:
        forged = json.loads(json.dumps(good))
        challenge, solution = forged["challenge"], forged["solution"]
        part, name = chance.choice(
            [
                (challenge["parameters"], name)
                for name in ("nonce", "salt", "cost", "expiresAt", "keySignature")
            ]
            + [(challenge["parameters"]["data"], "voter"), (challenge, "signature"), (solution, "derivedKey")]
        )
        before = part[name]
        if isinstance(before, int):
            part[name] += chance.choice([-1, 1, 1_000])
        else:
            part[name] = altered(before, chance)
        if str(part[name]).lower() != str(before).lower():  # hexadecimal has two cases
            made = b64encode(json.dumps(forged).encode()).decode()
            check("proofs", accepts=works.proves(made, poll.id, mine))


def _identifies(readers: Readers, poll: Poll, token: str) -> bool:
    try:
        readers.identify(poll.site, token, None)
    except PollError:
        return False
    return True


def _vouches(poll: Poll, word: str) -> bool:
    try:
        vouched_reader(poll.site, word, time.time())
    except PollError:
        return False
    return True


def _is_proven(receipt: dict[str, Any]) -> bool:
    try:
        return proven(receipt)
    except (ValueError, KeyError, TypeError):
        return False
