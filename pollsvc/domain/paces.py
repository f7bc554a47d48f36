"""How fast one network may vote: the numbers behind a site's admission."""

import re
from collections.abc import Mapping
from typing import NamedTuple, Self

from pollsvc.domain.errors import bad

SITE_WIDE = 4
"""So many times what a network may do in one poll it may do in all polls of a site."""
MAX_BURST = 10_000
SECONDS = (0.1, 3_600.0)
"""The fastest and the slowest pace that a site can have."""
LONGEST = 86_400
"""Seconds after which a burst that was used up is there again at the latest; salts last no longer."""
_WRITTEN = re.compile(r"([0-9]{1,9})/([0-9]{1,6}(?:\.[0-9]{1,3})?)", re.ASCII)
_HOUR = 3_600


class Pace(NamedTuple):
    """`burst` times at once, then once each `seconds`."""

    burst: int
    seconds: float

    def times(self, factor: int) -> "Pace":
        """So many times as much, at once and later."""
        return Pace(self.burst * factor, self.seconds / factor)

    def written(self) -> str:
        """As people write it: `30/12`."""
        return f"{self.burst}/{self.every()}"

    def every(self) -> str:
        """The seconds as people write them, to the thousandth."""
        return f"{self.seconds:.3f}".rstrip("0").rstrip(".")


class Tier(NamedTuple):
    """What one network may do: in a poll by its narrow and wide prefix, and in all polls of a site."""

    narrow: Pace
    wide: Pace
    site_narrow: Pace
    site_wide: Pace

    @classmethod
    def of(cls, narrow: Pace, wide: Pace) -> Self:
        """The tier that has these paces in a poll."""
        return cls(narrow, wide, narrow.times(SITE_WIDE), wide.times(SITE_WIDE))

    def hourly(self) -> tuple[int, int]:
        """How many votes one address may give to a poll in its first hour, and in each hour after."""
        both = self.narrow, self.wide
        first = min(pace.burst + _HOUR / pace.seconds for pace in both)
        return int(first), int(min(_HOUR / pace.seconds for pace in both))


class Expected(NamedTuple):
    """What paces come to for one address in one poll, in votes that count.

    `at_once` and in an `hour` without any proof; a loop that proves what it has to gets `most` in its first
    hour, and then `after` in each.
    """

    at_once: int
    hour: int
    most: int
    after: int


class Paces(NamedTuple):
    """Votes that just count, and those above them that count with a proof of work."""

    calm: Tier
    proven: Tier

    def named(self) -> dict[str, Pace]:
        """The four paces that make up the others, by the names that settings give them."""
        found = (self.calm.narrow, self.calm.wide, self.proven.narrow, self.proven.wide)
        return dict(zip(NAMES, found, strict=True))

    def expected(self) -> Expected:
        """What they come to for one address in one poll."""
        calm, proven = self.calm.hourly(), self.proven.hourly()
        at_once = min(self.calm.narrow.burst, self.calm.wide.burst)
        return Expected(at_once, calm[0], calm[0] + proven[0], calm[1] + proven[1])

    def meaning(self) -> str:
        """What they come to, in words for who sets them."""
        at_once, hour, most, after = self.expected()
        return (
            f"Under the policy standard, {at_once:,} votes of one address in a poll just count at once and "
            f"{hour:,} in an hour: a school of {hour:,} that comes within an hour is counted. A loop that "
            f"solves every challenge gets {most:,} in its first hour and {after:,} in each hour after; the "
            "rest is held for review."
        )


NAMES = ("calm", "calm_wide", "proof", "proof_wide")
"""Of a network's narrow prefix and its wide one: calm votes, and those above that count with a proof."""
CALM = Tier.of(Pace(30, 12), Pace(35, 12))
"""Votes that just count: a school of 300 within an hour is among them."""
PROVEN = Tier.of(Pace(10, 12), Pace(8, 12))
"""Votes above those that count with a proof of work."""
STANDARD = Paces(CALM, PROVEN)
"""The paces of a site that has none of its own."""


def paces_of(named: Mapping[str, Pace]) -> Paces:
    """The paces that are made up of these four. Raises PollError `bad_request` for what makes no sense."""
    for name, pace in named.items():
        _check(name, pace)
    calm, calm_wide, proof, proof_wide = (named[name] for name in NAMES)
    if calm_wide.burst < calm.burst or calm_wide.seconds > calm.seconds:
        raise bad(
            "A wide network holds many addresses: let it do at least what one of them may do calmly.",
            "calm_wide",
        )
    return Paces(Tier.of(calm, calm_wide), Tier.of(proof, proof_wide))


def read_pace(name: str, text: str) -> Pace:
    """A pace as `written`. Raises PollError `bad_request`."""
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise bad(
            f"Give {name.replace('_', '-')} as votes at once and seconds for each after that, such as 30/12.",
            name,
        )
    return Pace(int(match[1]), float(match[2]))


def _check(name: str, pace: Pace) -> None:
    least, most = SECONDS
    if not 1 <= pace.burst <= MAX_BURST:
        raise bad(f"Let 1 to {MAX_BURST:,} votes count at once.", name)
    if not least <= pace.seconds <= most:
        raise bad(f"Let one vote count each {least:g} to {most:g} seconds after that.", name)
    if pace.burst * pace.seconds > LONGEST:
        hours = pace.burst * pace.seconds / _HOUR
        raise bad(f"All {pace.burst} votes at once can be had again after {hours:.0f} h: at most 24 h.", name)
