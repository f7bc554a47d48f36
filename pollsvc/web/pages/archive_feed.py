"""A site's newest polls as an Atom feed (RFC 4287)."""

import re
from xml.etree import ElementTree

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.poll import State, say
from pollsvc.services.archive import Counted, Part
from pollsvc.services.embed import card_url
from pollsvc.services.words import Words
from pollsvc.web.pages.archive_view import lang_of, url_of

_XMLNS = "http://www.w3.org/2005/Atom"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def feed_of(part: Part, wanted: str | None, words: Words, base_url: str) -> bytes:
    """The polls of a part as a feed, for a reader who wants a language; without one, in the site's.

    An entry is updated when its poll opens and when it closes: votes would bring it up again and again.
    """
    site, query = part.site, f"?lang={wanted}" if wanted else ""
    home = f"{base_url}/s/{site.id}"
    root = ElementTree.Element("feed", {"xmlns": _XMLNS, _LANG: words.lang})
    _text(root, "id", home)
    _text(root, "title", words.say("site_polls", site=site.name))
    _link(root, "self", f"{home}.atom{query}", "application/atom+xml")
    _link(root, "alternate", home + query, "text/html")
    _text(ElementTree.SubElement(root, "author"), "name", site.name)
    opened = [place.opened for place in part.places]
    updates = [_updated(counted, at) for counted, at in zip(part.polls, opened, strict=True)]
    _text(root, "updated", rfc3339(max(updates, default=0)))
    for counted, published, updated in zip(part.polls, opened, updates, strict=True):
        poll = counted.poll
        lang = lang_of(poll, wanted)
        entry = ElementTree.SubElement(root, "entry", {_LANG: lang})
        _text(entry, "id", f"{base_url}/p/{poll.id}")
        _text(entry, "title", poll.question[lang])
        _text(entry, "published", rfc3339(published))
        _text(entry, "updated", rfc3339(updated))
        labels = (f"{option.emoji} {say(option.label, lang, poll.lang)}" for option in poll.active_options)
        _text(entry, "summary", " · ".join(label.strip() for label in labels))
        _link(entry, "alternate", url_of(poll, wanted, base_url), "text/html")
        _link(entry, "enclosure", card_url(base_url, poll, lang), "image/png")
    written: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return written


def _updated(counted: Counted, opened: int) -> int:
    closes_at = counted.poll.closes_at
    closed = counted.state is State.CLOSED and closes_at is not None
    return max(opened, closes_at) if closed and closes_at is not None else opened


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = _NOT_XML.sub("", text)


def _link(parent: ElementTree.Element, rel: str, url: str, kind: str) -> None:
    ElementTree.SubElement(parent, "link", {"rel": rel, "type": kind, "href": url})
