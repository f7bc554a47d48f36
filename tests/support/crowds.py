"""Crowds of readers, honest and not, minute by minute, and a poll that is watched while they vote."""

import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import exp

from pollsvc.domain.alert import Finding, Kind
from pollsvc.domain.alerts import findings
from pollsvc.domain.arrivals import HORIZON, Arrival, Course, course_of

SOURCES = 40
Vote = tuple[int, str, bool]
"""What a ballot says: its option, its network, and whether the reader is new."""
Minutes = Iterator[Sequence[Vote]]
OPINION = (0.5, 0.3, 0.2)
CARRIERS = [f"carrier {number}" for number in range(30)]


class Watched:
    """A poll that is looked at after each minute."""

    def __init__(self) -> None:
        self._minutes: deque[Counter[Vote]] = deque(maxlen=HORIZON)
        self._end = 0
        self._earlier: Counter[int] = Counter()
        self._standing: dict[int, int] = {}

    def add(self, votes: Sequence[Vote]) -> list[Finding]:
        """What stands out once these came in a minute."""
        if len(self._minutes) == HORIZON:
            for (option, _, _), count in self._minutes[0].items():
                self._earlier[option] += count
        self._minutes.append(Counter(votes))
        self._end += 1
        found = findings(self._course(), self._standing)
        for one in found:
            if one.kind is Kind.ONE_SIDED and one.option is not None:
                self._standing.setdefault(one.option, one.since)
        return found

    def _course(self) -> Course:
        first = self._end - len(self._minutes)
        every: Counter[tuple[int, int, bool]] = Counter()
        by_network: Counter[str] = Counter()
        networks = {}
        for place, votes in enumerate(self._minutes):
            networks[first + place] = len({network for _, network, _ in votes})
            for (option, network, fresh), count in votes.items():
                every[first + place, option, fresh] += count
                by_network[network] += count
        top = {network for network, _ in by_network.most_common(SOURCES)}
        arrivals = [Arrival(at, (option,), fresh, "", count) for (at, option, fresh), count in every.items()]
        for place, votes in enumerate(self._minutes):
            arrivals += [
                Arrival(first + place, (option,), fresh, network, count)
                for (option, network, fresh), count in votes.items()
                if network in top
            ]
        return course_of(arrivals, networks, first, self._end, self._earlier, self._earlier.total())


def merged(*crowds: Minutes) -> Minutes:
    """Several crowds in one poll; it ends with the first of them."""
    for together in zip(*crowds, strict=False):
        yield [vote for votes in together for vote in votes]


def readers(
    chance: random.Random,
    rate: Callable[[int], float],
    opinion: Callable[[int], Sequence[float]] = lambda _: OPINION,
    fresh: Callable[[int], float] = lambda _: 0.7,
    carriers: Sequence[str] = CARRIERS,
    minutes: int = 300,
) -> Minutes:
    """Readers who come by chance, a fifth of them through the networks of a few carriers."""
    weights = [1 / (n + 1) for n in range(len(carriers))]
    for minute in range(minutes):
        count = poisson(chance, rate(minute))
        options = chance.choices((1, 2, 3), opinion(minute), k=count)
        through = chance.choices(carriers, weights, k=count)
        new = fresh(minute)
        yield [
            (
                option,
                carrier if chance.random() < 0.2 else f"home {chance.randrange(20_000)}",
                chance.random() < new,
            )
            for option, carrier in zip(options, through, strict=True)
        ]


def votes_from(
    begin: int,
    number: Callable[[int], int],
    network: Callable[[], str],
    option: Callable[[], int] = lambda: 1,
    *,
    fresh: bool = True,
    minutes: int = 300,
) -> Minutes:
    """So many votes a minute from a minute on: `number` is told how many minutes it has gone on for."""
    for minute in range(minutes):
        votes = number(minute - begin) if minute >= begin else 0
        yield [(option(), network(), fresh) for _ in range(votes)]


def poisson(chance: random.Random, mean: float) -> int:
    """A number of arrivals (D. E. Knuth, The Art of Computer Programming, 3.4.1; the normal one above 50)."""
    if mean > 50:
        return max(round(chance.gauss(mean, mean**0.5)), 0)
    limit, product, count = exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def drifting(start: float, end: float, since: int, over: int) -> Callable[[int], Sequence[float]]:
    """An opinion of which the first option's share moves in so many minutes."""

    def opinion(minute: int) -> Sequence[float]:
        share = start + (end - start) * min(max((minute - since) / over, 0), 1)
        return share, (1 - share) * 0.6, (1 - share) * 0.4

    return opinion


def steady(chance: random.Random) -> Minutes:
    """Eight votes a minute."""
    return readers(chance, lambda _: 8.0)


def flash(chance: random.Random) -> Minutes:
    """Fifty times as many within two minutes, mostly new readers, then fewer and fewer."""

    def rate(minute: int) -> float:
        if minute < 150:
            return 250.0 if minute == 149 else 10.0
        return 10 + 490 * exp(-0.07 * (minute - 150))

    return readers(
        chance,
        rate,
        drifting(0.5, 0.56, 145, 10),
        lambda minute: 0.6 if minute < 149 else 0.9,
    )


def school(chance: random.Random) -> Minutes:
    """Three hundred behind one address within an hour, class by class, who lean towards one option."""

    def option() -> int:
        return chance.choices((1, 2, 3), (0.65, 0.2, 0.15))[0]

    classes = votes_from(100, lambda on: 10 if on < 60 and on % 6 < 3 else 0, lambda: "school", option)
    return merged(readers(chance, lambda _: 5.0), classes)


def waking(chance: random.Random) -> Minutes:
    """A country wakes up, with carriers of its own whose readers agree, and opinion drifts by 25 points."""
    local = [f"local {n}" for n in range(12)]
    return merged(
        readers(chance, lambda _: 6.0),
        readers(
            chance,
            lambda minute: 1 + 40 * min(max((minute - 80) / 150, 0), 1),
            drifting(0.5, 0.8, 80, 180),
            carriers=local,
        ),
    )


def night(chance: random.Random) -> Minutes:
    """A vote every few minutes, and an hour with none."""
    return readers(chance, lambda minute: 0.0 if 120 < minute < 180 else 0.3)


HONEST: Mapping[str, Callable[[random.Random], Minutes]] = {
    one.__name__: one for one in (steady, flash, school, waking, night)
}
BEGIN = 120
"""The minute at which attacks begin."""


def by_hand(chance: random.Random, rate: float = 10.0) -> Minutes:
    """Twenty votes a minute from one network."""
    return merged(readers(chance, lambda _: rate), votes_from(BEGIN, lambda _: 20, lambda: "room"))


def loop(chance: random.Random) -> Minutes:
    """A loop that clears its token, as fast as a vote in two seconds, through twenty networks."""
    network = lambda: f"proxy {chance.randrange(20)}"  # noqa: E731
    return merged(
        readers(chance, lambda _: 40.0, fresh=lambda _: 0.5),
        votes_from(BEGIN, lambda _: poisson(chance, 30), network),
    )


def rotating(share: float) -> Callable[[random.Random], Minutes]:
    """Addresses that never come twice, all for one option, a part of all votes."""

    def crowd(chance: random.Random) -> Minutes:
        rate = 40 * share / (1 - share)
        network = lambda: f"one {chance.randrange(10**9)}"  # noqa: E731
        return merged(
            readers(chance, lambda _: 40.0),
            votes_from(BEGIN, lambda _: poisson(chance, rate), network, fresh=False),
        )

    return crowd


def botnet(rate: int, noise: float = 0.0) -> Callable[[random.Random], Minutes]:
    """Many addresses, as many votes in each minute, of readers who have tokens already, without any hurry."""

    def crowd(chance: random.Random) -> Minutes:
        network = lambda: f"bot {chance.randrange(10**6)}"  # noqa: E731

        def number(on: int) -> int:
            return round(rate * min(on / 180, 1) + chance.gauss(0, noise)) if noise else rate

        bots = votes_from(30, number, network, fresh=False)
        return merged(readers(chance, lambda _: 40.0), bots)

    return crowd


ATTACKS: Mapping[str, tuple[int, Callable[[random.Random], Minutes]]] = {
    "20 a minute by hand, one network, among 10 honest": (BEGIN, by_hand),
    "the same among 200 honest": (BEGIN, lambda chance: by_hand(chance, 200.0)),
    "a loop with new tokens through 20 networks": (BEGIN, loop),
    "rotating addresses, 50% of the votes": (BEGIN, rotating(0.5)),
    "rotating addresses, 20% of the votes": (BEGIN, rotating(0.2)),
    "rotating addresses, 5% of the votes": (BEGIN, rotating(0.05)),
    "a botnet at 30 in each minute": (30, botnet(30)),
    "a botnet that grows for three hours, irregularly": (30, botnet(30, 5.0)),
}
"""By name: the minute at which it begins, and the crowd."""
