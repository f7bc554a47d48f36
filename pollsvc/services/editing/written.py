"""What readers wrote in, with how many votes each text has: what editors decide on."""

from typing import NamedTuple

from pollsvc.domain.ballot import Status
from pollsvc.domain.poll import Option, OptionState, Poll
from pollsvc.domain.selection import count_picks
from pollsvc.domain.tally import Totals
from pollsvc.storage.database import Connection
from pollsvc.storage.tallies import load_totals


class WrittenIn(NamedTuple):
    """A text that readers wrote, as an option of its own, and how many ballots name it."""

    option: Option
    counted: int
    held: int


class Written(NamedTuple):
    """A poll's write-ins, those with the most votes first: the ones that wait, and those decided on."""

    waiting: list[WrittenIn]
    decided: list[WrittenIn]


class WriteInCounts:
    """Counts write-ins, on a connection that nobody else uses meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, poll: Poll) -> Written:
        """The write-ins of a poll. A ballot names the text itself, whatever it counts for meanwhile."""
        _, totals = await load_totals(self._connection, poll.id)
        counted, held = _votes(totals, Status.COUNTED), _votes(totals, Status.HELD)
        found = [
            WrittenIn(option, counted.get(option.id, 0), held.get(option.id, 0))
            for option in poll.options
            if option.write_in is not None
        ]
        found.sort(key=lambda one: (-one.counted, -one.held, one.option.id))
        return Written(
            waiting=[one for one in found if one.option.state is OptionState.PENDING],
            decided=[one for one in found if one.option.state is not OptionState.PENDING],
        )


def _votes(totals: Totals, wanted: Status) -> dict[int, int]:
    """How many ballots of a status name each option."""
    return count_picks(
        ((picks, number) for (picks, status, _), number in totals.items() if status == wanted), {}
    )
