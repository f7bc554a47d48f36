"""A site's newest polls as an Atom feed (RFC 4287)."""

from xml.etree import ElementTree

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.poll import State
from pollsvc.services.archive import Counted, Part
from pollsvc.services.embed import card_url, page_url, site_url, with_query
from pollsvc.services.result_words import answers_of
from pollsvc.services.words import Words
from pollsvc.web.pages.archive_view import lang_of, url_of
from pollsvc.web.xml import add_text, xml_of

_XMLNS = "http://www.w3.org/2005/Atom"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def feed_of(part: Part, wanted: str | None, words: Words, base_url: str) -> bytes:
    """The polls of a part as a feed, for a reader who wants a language; without one, in the site's.

    An entry is updated when its poll opens and when it closes: votes would bring it up again and again.
    """
    site = part.site
    home = site_url(base_url, site)
    root = ElementTree.Element("feed", {"xmlns": _XMLNS, _LANG: words.lang})
    add_text(root, "id", home)
    add_text(root, "title", words.say("site_polls", site=site.name))
    _link(root, "self", with_query(f"{home}.atom", lang=wanted), "application/atom+xml")
    _link(root, "alternate", site_url(base_url, site, wanted), "text/html")
    add_text(ElementTree.SubElement(root, "author"), "name", site.name)
    opened = [place.opened for place in part.places]
    updates = [_updated(counted, at) for counted, at in zip(part.polls, opened, strict=True)]
    add_text(root, "updated", rfc3339(max(updates, default=0)))
    for counted, published, updated in zip(part.polls, opened, updates, strict=True):
        poll = counted.poll
        lang = lang_of(poll, wanted)
        entry = ElementTree.SubElement(root, "entry", {_LANG: lang})
        add_text(entry, "id", page_url(base_url, poll))
        add_text(entry, "title", poll.question[lang])
        add_text(entry, "published", rfc3339(published))
        add_text(entry, "updated", rfc3339(updated))
        if answers := answers_of(poll, lang):
            add_text(entry, "summary", answers)
        _link(entry, "alternate", url_of(poll, wanted, base_url), "text/html")
        _link(entry, "enclosure", card_url(base_url, poll, lang), "image/png")
    return xml_of(root)


def _updated(counted: Counted, opened: int) -> int:
    closes_at = counted.poll.closes_at
    if counted.state is not State.CLOSED or closes_at is None:
        return opened
    return max(opened, closes_at)


def _link(parent: ElementTree.Element, rel: str, url: str, kind: str) -> None:
    ElementTree.SubElement(parent, "link", {"rel": rel, "type": kind, "href": url})
