"""Ways to send a poll's address on: plain links, which tell nobody anything until they are followed."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote, urlencode

from pollsvc.services.words import Words


class Share(NamedTuple):
    """A way to share, by its name, and the address that it opens."""

    name: str
    url: str


def ways_to_share(question: str, url: str, words: Words) -> Sequence[Share]:
    """By email and by the services that readers use most; names of services are not translated."""
    text = "\r\n".join((question, url))  # RFC 6068, section 5
    return [
        Share(words.say("share_mail"), f"mailto:?{_query(subject=question, body=text)}"),
        Share("WhatsApp", f"https://wa.me/?{_query(text=f'{question} {url}')}"),
        Share("Telegram", f"https://t.me/share/url?{_query(url=url, text=question)}"),
        Share("X", f"https://x.com/intent/post?{_query(url=url, text=question)}"),
        Share("Facebook", f"https://www.facebook.com/sharer/sharer.php?{_query(u=url)}"),
    ]


def _query(**values: str) -> str:
    return urlencode(values, quote_via=quote)
