"""Making and changing sites."""

import secrets
from collections.abc import Sequence
from dataclasses import replace

from pollsvc.domain.article import canonical_origin
from pollsvc.domain.clock import Clock, zone_named
from pollsvc.domain.errors import bad
from pollsvc.domain.log import COMMAND_LINE, Act, Actor
from pollsvc.domain.mac import fingerprint
from pollsvc.domain.paces import paces_of
from pollsvc.domain.poll import Site
from pollsvc.domain.text import canonical_lang, one_line
from pollsvc.services.ids import new_id
from pollsvc.services.languages import is_lang, unknown_lang
from pollsvc.storage import log
from pollsvc.storage import sites as store
from pollsvc.storage.database import Connection

MAX_ORIGINS = 100
MAX_NAME = 150
"""Characters of a site's name."""


class Sites:
    """Work on sites, on a connection that nobody else uses meanwhile. Bad input raises PollError."""

    def __init__(self, connection: Connection, clock: Clock, actor: Actor = COMMAND_LINE) -> None:
        self._connection = connection
        self._clock = clock
        self._actor = actor

    async def add(
        self,
        name: str,
        origins: Sequence[str],
        *,
        locale: str = "en",
        time_zone: str = "UTC",
        percent_from: int = 10,
    ) -> Site:
        """Add a publisher whose pages, at these origins, may send votes."""
        site = _checked(
            Site(
                id=new_id(8),
                name=name,
                origins=frozenset(origins),
                locale=locale,
                time_zone=time_zone,
                key=secrets.token_bytes(32),
                percent_from=percent_from,
            )
        )
        now = int(self._clock())
        async with log.editing(self._connection):
            if not await store.insert_site(self._connection, site, now):
                raise _taken(site.name)
            after = describe_site(site) | {"key": fingerprint(site.key)}
            await self._log("site.add", site, {}, after, now)
        return site

    async def change(self, site: str, /, **changes: object) -> Site:
        """Change some of the fields of the site of this name or id, but not its id and key."""
        now = int(self._clock())
        async with log.editing(self._connection):
            before = await self.get(site)
            if "origins" in changes:
                changes["origins"] = frozenset(changes["origins"])  # type: ignore[call-overload]
            after = _checked(replace(before, **changes))  # type: ignore[arg-type]
            if not await store.update_site(self._connection, after):
                raise _taken(after.name)
            await self._log("site.change", after, describe_site(before), describe_site(after), now)
            await store.announce_site(self._connection, after.id)
        return after

    async def all(self) -> list[Site]:
        """All sites, by name."""
        return await store.list_sites(self._connection)

    async def get(self, name: str) -> Site:
        """The site of this id, or else of this name."""
        sites = await self.all()
        known = {site.name: site for site in sites} | {site.id: site for site in sites}
        if name not in known:
            raise bad(f"There is no site named {name!r}; look at the site list.", "site")
        return known[name]

    async def _log(
        self, action: str, site: Site, before: dict[str, object], after: dict[str, object], now: int
    ) -> None:
        old = {key: value for key, value in before.items() if after.get(key) != value}
        new = {key: value for key, value in after.items() if before.get(key) != value}
        await log.append(self._connection, Act(self._actor, action, f"site:{site.id}", old, new), now)


def describe_site(site: Site) -> dict[str, object]:
    """A site as JSON values."""
    return {
        "id": site.id,
        "name": site.name,
        "origins": sorted(site.origins),
        "locale": site.locale,
        "time_zone": site.time_zone,
        "percent_from": site.percent_from,
        "policy": site.policy and site.policy.value,
        "paces": site.paces and {name: pace.written() for name, pace in site.paces.named().items()},
        "vouching": site.vouching,
    }


def _checked(site: Site) -> Site:
    """The site with its texts in canonical form."""
    canonical = {origin: canonical_origin(origin) for origin in sorted(site.origins)}
    for origin, known in canonical.items():
        if known is None:
            raise bad(
                f"{origin!r} is no origin; give scheme and host only, such as https://news.example.",
                "origins",
            )
    if not 1 <= len(canonical) <= MAX_ORIGINS:
        raise bad(f"A site needs 1 to {MAX_ORIGINS} origins, such as https://news.example.", "origins")
    zone_named(site.time_zone)
    if not is_lang(site.locale):
        raise bad(unknown_lang(site.locale), "locale")
    if not 1 <= site.percent_from <= 1_000_000:
        raise bad("Percentages can be shown from 1 to 1000000 voters on; give such a number.", "percent_from")
    if site.paces is not None:
        paces_of(site.paces.named())
    return replace(
        site,
        name=one_line(site.name, "site's name", MAX_NAME),
        locale=canonical_lang(site.locale),
        origins=frozenset(known for known in canonical.values() if known),
    )


def _taken(name: str) -> Exception:
    return bad(f"There is a site named {name!r} already; choose another name.", "name")
