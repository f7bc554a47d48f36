"""Votes by where they were cast: on which articles, of which hosts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pollsvc.domain.article import host_of
from pollsvc.services.watching.counting import Votes, total
from pollsvc.storage.placements import Placement


class Place(NamedTuple):
    """An article, with the votes cast there; `url` and `link` are None for votes cast elsewhere."""

    url: str | None
    link: str | None
    detached: bool
    votes: Votes


class Host(NamedTuple):
    """The articles of one host, None for elsewhere, and the votes cast there."""

    name: str | None
    articles: int
    votes: Votes


def places_of(placements: Sequence[Placement], articles: Mapping[int, Votes]) -> list[Place]:
    """Each article with its votes, and elsewhere if there are any, by votes that count."""
    places = [
        Place(one.url, one.link, one.detached, articles.get(one.article, Votes())) for one in placements
    ]
    known = {one.article for one in placements}
    strays = [votes for number, votes in articles.items() if number not in known]
    if strays:
        places.append(Place(None, None, False, total(strays)))
    return sorted(places, key=lambda place: (-place.votes.counted, place.url is None))


def hosts_of(places: Iterable[Place]) -> list[Host]:
    """The articles' hosts with their votes, by votes that count."""
    by_host: dict[str | None, list[Place]] = {}
    for place in places:
        by_host.setdefault(None if place.url is None else host_of(place.url), []).append(place)
    hosts = [Host(name, len(found), total(place.votes for place in found)) for name, found in by_host.items()]
    return sorted(hosts, key=lambda host: (-host.votes.counted, host.name is None))
