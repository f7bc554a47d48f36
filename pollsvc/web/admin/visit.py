"""A request of an editor who is signed in."""

from collections.abc import Sequence
from dataclasses import dataclass

from pollsvc.domain.editor import Editor, Session
from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.poll import Site
from pollsvc.services.desk import Work


@dataclass(frozen=True, slots=True)
class Visit:
    """Who is asking, and the services on the request's own connection, which log what they do as theirs.

    `sites` are all sites by name; `site` is the one that `?site=ID` names, None for all of them.
    """

    session: Session
    work: Work
    sites: Sequence[Site]
    site: Site | None

    @property
    def editor(self) -> Editor:
        """Who is signed in."""
        return self.session.editor

    def site_of(self, id_: str, field: str = "") -> Site:
        """The site with an id.

        Raises PollError `bad_request` at the form's `field` that names it; `not_found` where an address does.
        """
        for site in self.sites:
            if site.id == id_:
                return site
        message = "There is no such site; choose one of the list."
        raise bad(message, field) if field else PollError(Code.NOT_FOUND, message)
