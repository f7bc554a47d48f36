"""A place in the list of a site's polls, as addresses name it: `TIME-ID`."""

from typing import NamedTuple

from pollsvc.domain.errors import bad
from pollsvc.domain.poll import is_id


class Place(NamedTuple):
    """Where a poll stands: when it opened, in Unix seconds, and its id."""

    opened: int
    id: str

    @property
    def text(self) -> str:
        """The place as it stands in addresses."""
        return f"{self.opened}-{self.id}"


def place_of(text: str) -> Place:
    """The place that an address names. Raises PollError `bad_request`."""
    opened, _, id_ = text.partition("-")
    if not (opened.isascii() and opened.isdigit() and len(opened) <= 12 and is_id(id_)):
        raise bad("This is no place in the list; follow a link of the list to get there.")
    return Place(int(opened), id_)
