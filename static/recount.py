#!/usr/bin/env python3
"""Recount a poll from its published ballots, offline: `python3 recount.py BUNDLE`.

Needs Python 3.9 or later and nothing else; one file, to be read before it is trusted. It checks that

1. the log's keys were handed over one to the next, and its head is signed by the one of its time (Ed25519,
   RFC 8032; C2SP tlog-checkpoint);
2. the poll's leaves, with the hashes of all others, are the tree under that head (RFC 9162, section 2.1);
3. the poll's leaves are numbered without a gap, each says what the poll can be answered, and the last one
   says that there are no more, and which question and answers the ballots are of;
4. the published result is what the last ballot of each voter comes to.

With --key, a log's key that you have from elsewhere, the bundle must be signed under it; with --receipt, the
receipt's leaf must be among the ballots, and how that voter's ballot stands in the end is told. Exit status:
0 all is so, 1 something is not, 2 wrong use.
"""

import argparse
import gzip
import hashlib
import json
import sys
import zlib
from base64 import b64decode, b64encode

FORMAT = 1
MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading a bundle raises where something is missing, or of another kind than it should be."""

# Ed25519, RFC 8032, section 5.1: verification only, in plain integers. Slow, and used a few times.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def _recover(y, sign):
    """The x of a point, or None."""
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if not square:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def _point(data):
    """A point from its 32 bytes, in extended coordinates, or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = _recover(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def _add(one, two):
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % P, (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar, point):
    found = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            found = _add(found, point)
        point, scalar = _add(point, point), scalar >> 1
    return found


BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed(key, message, signature):
    """Whether an Ed25519 signature is good; `key` and `signature` are bytes."""
    if len(key) != 32 or len(signature) != 64:
        return False
    public, commitment, scalar = _point(key), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if public is None or commitment is None or scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = _times(scalar, BASE), _add(commitment, _times(challenge, public))
    return not (
        (left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P
    )


def leaf_hash(data):
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Stack:
    """The complete subtrees on the left of what is still to come; `put` takes the next one, of any size."""

    def __init__(self):
        self.size = 0
        self._trees = []  # (level, hash), the largest first

    def put(self, position, level, hash_):
        """Raises ValueError when it does not begin where the last one ended, or cannot stand there."""
        if position != self.size or not 0 <= level < 64 or position % (1 << level):
            raise ValueError(
                f"what follows leaf {self.size} of the log is missing, or stands in the wrong place"
            )
        self.size += 1 << level
        while self._trees and self._trees[-1][0] == level:
            hash_, level = node_hash(self._trees.pop()[1], hash_), level + 1
        self._trees.append((level, hash_))

    def head(self):
        """The hash over all (RFC 9162, section 2.1.1)."""
        if not self._trees:
            return hashlib.sha256().digest()
        found = self._trees[-1][1]
        for _, hash_ in reversed(self._trees[:-1]):
            found = node_hash(hash_, found)
        return found


class Count:
    """A poll's ballots, each voter's last one, and what they come to."""

    def __init__(self, poll):
        self._poll = poll["id"]
        self._ranked, self._rating = poll["kind"] == "ranked", poll["kind"] == "rating"
        self._counts_for = {int(id_): target for id_, target in poll["counts_for"].items()}
        self._standing = {}
        self._definition = _digest(poll)
        self.leaves = 0
        self.ended = False

    def put(self, data):
        """Take a leaf's data. Raises ValueError when it is no ballot that this poll could have there."""
        kind, poll, number, *fields, end = data.split("\n")
        self.leaves += 1
        if (poll, number, end) != (self._poll, str(self.leaves), ""):
            raise ValueError(f"leaf {self.leaves} of the poll is missing, or another poll's")
        self.ended = kind == "published" and fields == [self._definition]
        if kind == "published":  # earlier ones may be of other texts
            return
        if kind != "ballot":
            raise ValueError(f"leaf {self.leaves} of the poll is no ballot")
        voter, selection, status, reason, _article, _minute = fields
        if status not in ("counted", "held", "excluded") or (status == "counted" and reason):
            raise ValueError(f"leaf {self.leaves} of the poll stands as {status!r}, which it cannot")
        self._picks(selection)
        self._standing[voter] = (selection, status, reason, self.leaves)

    def standing(self, leaf):
        """How the ballot stands in the end that has this leaf, whose place a later one may have taken."""
        selection, status, reason, last = self._standing[leaf.split("\n")[3]]
        number = int(leaf.split("\n")[2])
        return {"number": number, "last": last, "status": status, "reason": reason, "selection": selection}

    def _picks(self, selection):
        picks = [int(pick) for pick in selection.replace(">", ",").split(",")] if selection else []
        if len(set(picks)) < len(picks) or not set(picks) <= self._counts_for.keys():
            raise ValueError(
                f"leaf {self.leaves} of the poll says {selection!r}, which it cannot be answered"
            )
        return {self._counts_for[pick] for pick in (picks[:1] if self._ranked else picks)}

    def results(self):
        """What the ballots come to, as the poll's `results` have it."""
        ballots, reasons, options = {"counted": 0, "held": 0, "excluded": 0}, {}, {}
        for selection, status, reason, _ in self._standing.values():
            if not selection:  # withdrawn
                continue
            ballots[status] += 1
            if status == "counted":
                for option in self._picks(selection):
                    options[option] = options.get(option, 0) + 1
            else:
                reasons[status, reason] = reasons.get((status, reason), 0) + 1
        return ballots, options, reasons

    def mean(self, ballots, options):
        """Of a rating, to two places."""
        stars = sum(option * count for option, count in options.items())
        return round(stars / ballots["counted"], 2) if self._rating and ballots["counted"] else None

    @property
    def voters(self):
        return len(self._standing)


def _digest(definition):
    text = json.dumps(definition, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _lines(path):
    opened = gzip.open if str(path).endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8") as file:
        try:
            for line in file:
                yield json.loads(line)
        except zlib.error as error:
            raise OSError(f"the file is damaged ({error})") from None
        except RecursionError:
            raise ValueError("a line of the file is nested too deeply") from None


def _check_keys(log, keys):
    """The log's keys as bytes, oldest first, each with the size of the tree from which on it signs.

    Raises ValueError when one does not follow from another.
    """
    known = []
    for each in keys:
        name, id_, rest = each["key"].split("+", 2)
        blob = b64decode(rest)
        public = blob[1:]
        if (
            name != log
            or blob[:1] != b"\1"
            or hashlib.sha256(name.encode() + b"\n" + blob).hexdigest()[:8] != id_
        ):
            raise ValueError("a key of the log is not what it says")
        since = int(each["since"])
        handed = f"pollsvc.handover\n{log}\n{since}\n{b64encode(public).decode()}\n".encode()
        if known and (since < known[-1][0] or not signed(known[-1][1], handed, b64decode(each["signature"]))):
            raise ValueError("a key of the log was not handed over to by the one before")
        known.append((since if known else 0, public))
    return known


def _check_head(note, known):
    """Size and root of a head that is signed by the key of its time, and the keys until then.

    Raises ValueError.
    """
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    origin, size, root, _ = text.split("\n")
    until = [key for since, key in known if since < int(size)]
    for line in signatures.splitlines():
        _, name, encoded = line.split(" ")
        blob = b64decode(encoded)
        for key in until[-1:]:
            id_ = hashlib.sha256(name.encode() + b"\n\1" + key).digest()[:4]
            if name == origin and id_ == blob[:4] and signed(key, text.encode(), blob[4:]):
                return int(size), b64decode(root), until
    raise ValueError("the log's head is not signed by the log's key of that time")


def _is_of(key, log, known):
    """Whether a key that was given, in base64 or as NAME+ID+KEY, is one of the log's."""
    bare = len(key) == 44  # 32 bytes
    name, rest = (log, key) if bare else (key.partition("+")[0], key.split("+", 2)[-1])
    return name == log and b64decode(rest)[-32:] in known


def _compare(count, published, differences):
    ballots, options, reasons = count.results()
    said = {
        "voters": ballots["counted"],
        "held": ballots["held"],
        "excluded": ballots["excluded"],
        "picks": sum(options.values()),
        "other": options.get(0, 0),
        "mean": count.mean(ballots, options),
    }
    for name, number in said.items():
        if published[name] != number:
            differences.append(f"the published result says {name} {published[name]}, the ballots {number}")
    shown = {option["id"]: option["count"] for option in published["options"]}
    if len(shown) < len(published["options"]):
        differences.append("the published result names an option twice")
    for option in sorted(shown.keys() | options.keys() - {0}):
        if shown.get(option, 0) != options.get(option, 0):
            says = f"{shown.get(option, 0)}, the ballots {options.get(option, 0)}"
            differences.append(f"the published result gives option {option} {says}")
    told = {(each["status"], each["reason"]): each["count"] for each in published["reasons"]}
    if told != reasons:
        differences.append("the reasons for which ballots do not count are not those of the ballots")


def _begin(lines):
    """The first line of a bundle, what it is of, and the count of its poll. Raises ValueError."""
    head = next(lines, {})
    if not isinstance(head, dict) or head.get("type") != "bundle" or head.get("format") != FORMAT:
        raise ValueError("this is no bundle of ballots, or one of another release")
    try:
        poll = head["poll"]
        labels = {
            option["id"]: option["label"].get(poll["lang"]) or option["emoji"] for option in poll["options"]
        }
        found = {"poll": poll["id"], "question": poll["question"][poll["lang"]], "labels": labels}
        return head, found, Count(poll)
    except MALFORMED:
        raise ValueError("the bundle does not say which poll it is of") from None


def _leaf_of(receipt):
    """The leaf in a receipt. Raises ValueError when there is none."""
    leaf = receipt.get("leaf") if isinstance(receipt, dict) else None
    if not isinstance(leaf, str) or not leaf.startswith("ballot\n"):
        raise ValueError("this is no receipt of a vote: it has no leaf")
    return leaf


def recount(path, key=None, receipt=None, progress=None):
    """Check a bundle; returns what was found as JSON values, with sentences about what is wrong."""
    differences, leaf = [], None if receipt is None else _leaf_of(receipt)
    lines, wanted = _lines(path), leaf
    head, found, count = _begin(lines)
    found["differences"] = differences
    try:
        known = _check_keys(head["log"], head["keys"])
        size, root, until = _check_head(head["checkpoint"], known)
        if key is not None and not _is_of(key, head["log"], until):  # it signs, or handed over
            differences.append("the log is signed under another key than the one that you gave")
        stack, ended = Stack(), False
        for line in lines:
            if line["type"] == "leaf":
                count.put(line["data"])
                stack.put(line["position"], 0, leaf_hash(line["data"].encode()))
                wanted = None if line["data"] == wanted else wanted
            elif line["type"] == "node":
                stack.put(line["position"], line["level"], b64decode(line["hash"]))
            else:
                ended = True
            if progress is not None and not stack.size % 1024:
                progress(stack.size, size)
        if not ended:
            differences.append("the bundle ends too early")
        if not count.ended:
            differences.append("the last leaf does not say that these are all ballots, of this question")
        if stack.size != size or stack.head() != root:
            differences.append("the ballots are not those under the log's signed head")
        _compare(count, head["results"], differences)
        found.update(leaves=count.leaves, voters=count.voters, log_size=size, results=head["results"])
    except MALFORMED as error:
        damaged = f"a part of the bundle is missing or damaged ({type(error).__name__}: {error})"
        differences.append(str(error) if type(error) is ValueError else damaged)
    if wanted is not None:
        differences.append("the receipt's leaf is not among the ballots")
    elif leaf is not None:
        found["receipt"] = count.standing(leaf)
    found["ok"] = not differences
    return found


def sentences(found):
    """The result as the bundle says it, and what became of the receipt's ballot."""
    results = found.get("results")
    if found["ok"] and results is not None:
        for option in results["options"]:
            yield f"{option['count']:>9,}  {found['labels'].get(option['id'], option['id'])}"
        if results["other"]:
            yield f"{results['other']:>9,}  other answers"
        others = f"{results['held']:,} held, {results['excluded']:,} excluded"
        yield f"{results['voters']:>9,}  voters; of other ballots {others}"
    if (mine := found.get("receipt")) is not None:
        since = "" if mine["last"] == mine["number"] else f", by the later entry {mine['last']}"
        stands = "withdrawn" if not mine["selection"] else mine["status"]
        why = f" ({mine['reason']})" if mine["reason"] else ""
        mine_is = f"The receipt's entry {mine['number']} is among them"
        yield f"{mine_is}; the ballot stands as {stands}{why}{since}."


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0].replace("`", ""))
    parser.add_argument("bundle")
    parser.add_argument(
        "--key", help="the log's key that you have from elsewhere: NAME+ID+KEY, or the key in base64"
    )
    parser.add_argument("--receipt", help="a file with the receipt of your vote")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    try:
        receipt = None
        if asked.receipt:
            with open(asked.receipt, encoding="utf-8") as file:  # noqa: PTH123
                receipt = json.load(file)
        found = recount(asked.bundle, asked.key, receipt)
    except (OSError, EOFError, RecursionError, *MALFORMED) as error:
        print(f"recount: {error}", file=sys.stderr)
        return 2
    if asked.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print(found["question"])
        for line in sentences(found):
            print(line)
        for difference in found["differences"]:
            print(f"NOT SO: {difference}")
        if found["ok"]:
            size = f"{found['leaves']} entries of {found['voters']} voters in a log of {found['log_size']}"
            print(f"{size}: all agree.")
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
