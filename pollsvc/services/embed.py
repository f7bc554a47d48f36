"""The HTML that puts a poll into articles, frames and feeds; `web/newsletter.py` has what goes into mail."""

from html import escape
from math import ceil
from urllib.parse import urlencode

from pollsvc.domain.poll import Kind, Poll, Site, direction
from pollsvc.services.words import Words

FRAME_WIDTH = 640
"""How wide a frame is where there is room, in CSS pixels."""
CARD_WIDTH, CARD_HEIGHT = 1200, 630
"""The size of the picture of a result, in pixels."""

_ROOM = 208  # of what stands around the answers, in CSS pixels; below, that of each sort of answers
_LINE, _OWN, _SCALE, _REACTIONS = 60, 90, 120, 160
_IN_A_ROW = 5  # reactions


def embed_code(base_url: str, poll: Poll, lang: str | None = None) -> str:
    """One script tag and one element; the link in it serves readers without JavaScript.

    Without a language the widget speaks that of the page.
    """
    return f"{_script(base_url)}\n{element_code(base_url, poll, lang)}"


def element_code(base_url: str, poll: Poll, lang: str | None = None) -> str:
    """The element alone, for pages that have the script tag."""
    return _element("pollsvc-poll poll", "pollsvc-poll", base_url, poll, lang)


def div_code(base_url: str, poll: Poll, lang: str | None = None) -> str:
    """The same for site builders that strip unknown tags."""
    return f"{_script(base_url)}\n{_element('div data-pollsvc', 'div', base_url, poll, lang)}"


def article_code(base_url: str) -> str:
    """The same without an id: the polls that are attached to the article.

    There is nothing in the element, so it is told to keep the margins around it: they would move by one when
    the polls come.
    """
    return f'{_script(base_url)}\n<pollsvc-poll style="display:flow-root"></pollsvc-poll>'


def frame_code(base_url: str, poll: Poll, words: Words, lang: str | None = None) -> str:
    """A frame, and the script that gives it the poll's height."""
    frame = frame_of(base_url, poll, words, "100%", room_of(poll), lang)
    script = f'<script async src="{escape(base_url)}/w/frame.js"></script>'
    return f"{frame}\n{script}\n<p>{link_to(base_url, poll, lang)}</p>"


def frame_of(
    base_url: str,
    poll: Poll,
    words: Words,
    width: int | str,
    height: int,
    lang: str | None = None,
    preset: str | None = None,
) -> str:
    """A frame of this size, in CSS pixels or as wide as `100%`; a narrower page has it narrower."""
    title = words.say("frame_of", question=poll.question[lang or poll.lang])
    return (
        f'<iframe data-pollsvc-frame src="{escape(frame_url(base_url, poll, lang, preset))}" '
        f'title="{escape(title)}" width="{width}" height="{height}" loading="lazy" '
        'style="display:block;border:0;max-width:100%"></iframe>'
    )


def frame_url(base_url: str, poll: Poll, lang: str | None = None, preset: str | None = None) -> str:
    """The address of a poll's frame."""
    return with_query(f"{base_url}/embed/{poll.id}", lang=lang, preset=preset)


def feed_code(base_url: str, poll: Poll, words: Words, lang: str | None = None) -> str:
    """A link with the picture of the result, in HTML that feed readers let through."""
    url, said = page_url(base_url, poll, lang), lang or poll.lang
    alt = words.say("picture_of", question=poll.question[said])
    return (
        f'<p lang="{escape(said)}" dir="{direction(said)}">{link_to(base_url, poll, lang)}</p>\n'
        f'<p><a href="{escape(url)}"><img src="{escape(card_url(base_url, poll, lang))}" '
        f'alt="{escape(alt)}" width="{CARD_WIDTH // 2}" height="{CARD_HEIGHT // 2}"></a></p>'
    )


def page_url(base_url: str, poll: Poll, lang: str | None = None, pick: int | None = None) -> str:
    """The address of a poll's page, for a reader who wants a language, and with an answer chosen."""
    return with_query(f"{base_url}/p/{poll.id}", lang=lang, pick=pick)


def card_url(base_url: str, poll: Poll, lang: str | None = None) -> str:
    """The address of the picture of a poll's result."""
    return with_query(f"{base_url}/p/{poll.id}/card.png", lang=lang)


def site_url(base_url: str, site: Site, lang: str | None = None) -> str:
    """The address of the list of a site's polls."""
    return with_query(f"{base_url}/s/{site.id}", lang=lang)


def with_query(url: str, **values: object) -> str:
    """An address with those of these parameters that have a value."""
    query = urlencode({name: value for name, value in values.items() if value})
    return f"{url}?{query}" if query else url


def room_of(poll: Poll) -> int:
    """About how tall a poll is in a frame of FRAME_WIDTH, in CSS pixels.

    Rather less than more: what is missing is added when the poll is there, and nothing is taken away.
    """
    answers = len(poll.active_options)
    match poll.kind:
        case Kind.RATING:
            return _ROOM + _SCALE
        case Kind.REACTION:
            return _ROOM + _REACTIONS * ceil(answers / _IN_A_ROW)
        case _:
            return _ROOM + _LINE * answers + _OWN * poll.write_in


def link_to(base_url: str, poll: Poll, lang: str | None = None) -> str:
    """A poll's question as a link to its page."""
    question = poll.question[lang or poll.lang]
    return f'<a href="{escape(page_url(base_url, poll, lang))}">{escape(question)}</a>'


def _script(base_url: str) -> str:
    return f'<script async src="{escape(base_url)}/w/1.js"></script>'


def _element(start: str, tag: str, base_url: str, poll: Poll, lang: str | None) -> str:
    said = f' lang="{escape(lang)}"' if lang else ""
    return f'<{start}="{poll.id}"{said}>{link_to(base_url, poll, lang)}</{tag}>'
