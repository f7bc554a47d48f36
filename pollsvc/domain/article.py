"""The address of an article: its canonical form, a link to it, and the origin of a page.

An article has many addresses: shared ones carry tracking parameters, old ones `http` or `www`, and editors
paste what the browser shows. The canonical form is one key for all of them; it need not be one that answers.
"""

import re
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

import idna
from w3lib.url import canonicalize_url

MAX_URL = 2048
"""The longest article URL that is kept, in characters, as it is given and in its canonical form."""

_CACHED = 4096  # a hot story's URL comes with every vote

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters and lone surrogates
_SPACE = re.compile(r"\s")
_AUTHORITY = re.compile(r"(?:[^\\]*@)?(?P<host>\[[^\[\]@]+\]|[^\[\]@:\\]+)(?::(?P<port>[0-9]*))?")
_HOST = re.compile(r"\.*[a-z0-9_-][a-z0-9._-]*")  # as browsers write it: lower case, ASCII
_WWW = re.compile(r"\A(?:www\.)+(?=[^.]+\.)")  # of www.news.example, not of www.example
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

_TRACKING = frozenset(
    {
        # Google
        *("gclid", "gclsrc", "dclid", "gbraid", "wbraid", "gad_source", "gad_campaignid", "srsltid"),
        *("_ga", "_gl"),
        # Meta
        *("fbclid", "fb_action_ids", "fb_action_types", "fb_ref", "fb_source", "mibextid", "sfnsn"),
        *("igsh", "igshid"),
        # Microsoft, X, TikTok, LinkedIn, Snapchat, Reddit, Pinterest, Yandex
        *("msclkid", "twclid", "ref_src", "ref_url", "__twitter_impression", "ttclid", "li_fat_id", "sccid"),
        *("rdt_cid", "epik", "yclid", "ymclid", "ysclid", "_openstat"),
        # newsletters: Mailchimp, HubSpot, Marketo, Vero, Wicked Reports, Klaviyo, Omeda, MailerLite, Kit,
        # beehiiv
        *("mc_cid", "mc_eid", "_hsenc", "_hsmi", "__hsfp", "__hssc", "__hstc", "hsctatracking", "mkt_tok"),
        *("vero_conv", "vero_id", "wickedid", "_kx", "oly_anon_id", "oly_enc_id", "ml_subscriber"),
        *("ml_subscriber_hash", "ck_subscriber_id", "_bhlid"),
        # publishers: Adobe, AT Internet, Webtrekk, Taboola, Outbrain, comScore, Matomo, Yahoo, Branch
        *("s_cid", "s_kwcid", "ef_id", "cmpid", "xtor", "wt_mc", "wt_zmc", "tblci", "dicbo"),
        *("ns_campaign", "ns_fee", "ns_linkname", "ns_mchannel", "ns_source"),
        *("pk_campaign", "pk_keyword", "pk_kwd", "pk_medium", "pk_source"),
        *("guccounter", "guce_referrer", "guce_referrer_sig", "soc_src", "soc_trk"),
        *("_branch_match_id", "_branch_referrer"),
        # the same article as an AMP page
        "amp",
    }
)
"""Query parameters, in lower case, that tell where a reader comes from and never select what is shown. Names
that select an article or a section elsewhere are left out: `cid`, `cmp`, `ncid`, `ocid`, `ref`, `smid`."""

_TRACKING_PREFIXES = ("utm_", "mtm_", "hsa_")
_PIANO = {"at_medium", "at_campaign"}  # Piano Analytics reads at_* only where both of these are given


class _Url(NamedTuple):
    scheme: str
    host: str
    """In ASCII and lower case; an IPv6 address in brackets."""
    port: int | None
    written: str
    """Host and port as they were written."""
    path: str
    query: str
    fragment: str


def canonical_url(text: str) -> str | None:
    """One key for an article under all spellings of its http(s) URL, or None when the text is none.

    https, whatever the scheme; no `www.`, default port, user, fragment, tracking parameter or trailing slash;
    the host in lower case and ASCII (UTS 46); dot segments resolved; percent-encoded as UTF-8 where need be
    and nowhere else (RFC 3986, section 6.2.2); parameters sorted. A canonical URL is its own canonical URL.
    """
    return _canonical(text) if len(text) <= MAX_URL else None  # the cache keeps no longer text


@lru_cache(_CACHED)
def _canonical(text: str) -> str | None:
    url = _parse(text)
    if url is None:
        return None
    host = _WWW.sub("", url.host.rstrip("."))
    port = "" if url.port in (None, *_DEFAULT_PORTS.values()) else f":{url.port}"
    # The slash at the end has w3lib take all of the path as a path, not what follows a ";" as something else.
    path = _STRAY_PERCENT.sub("%25", url.path) + "/"
    safe = urlsplit(canonicalize_url(urlunsplit(("https", host + port, path, _untracked(url.query), ""))))
    found = urlunsplit(("https", host + port, safe.path.rstrip("/") or "/", safe.query, ""))
    return found if len(found) <= MAX_URL else None


def clean_url(text: str) -> str | None:
    """A link to an article for readers, or None when the text has no canonical URL.

    As it was written, without tracking parameters, fragment and user; white space is percent-encoded.
    """
    url = _parse(text)
    if url is None or canonical_url(text) is None:
        return None
    return urlunsplit((url.scheme, url.written, url.path, _untracked(url.query), ""))


def host_of(canonical: str) -> str:
    """The host of a canonical URL, with its port where it has one: `news.example`, `127.0.0.1:8001`."""
    return urlsplit(canonical).netloc


def canonical_origin(text: str) -> str | None:
    """A web origin (RFC 6454) as browsers send it: scheme, host and a port that is not the default.

    None when the text is not an http(s) origin and nothing else.
    """
    url = _parse(text)
    if url is None or url.path not in ("", "/") or url.query or url.fragment:
        return None
    port = "" if url.port in (None, _DEFAULT_PORTS[url.scheme]) else f":{url.port}"
    return f"{url.scheme}://{url.host}{port}"


def origin_of(url: str) -> str | None:
    """The canonical origin of an http(s) URL, None when it has none."""
    return canonical_origin("/".join(url.strip().split("/")[:3]))


def _parse(text: str) -> _Url | None:
    text = text.strip()
    if _NOT_TEXT.search(text):
        return None
    text = _SPACE.sub(lambda space: quote(space[0]), text)
    if len(text) > MAX_URL:
        return None
    try:
        parts = urlsplit(text)
        authority = _AUTHORITY.fullmatch(parts.netloc)
        if parts.scheme not in _DEFAULT_PORTS or authority is None:
            return None
        host = _host(authority["host"].lower())
    except ValueError:  # UnicodeError, which IDNAError is, is one too
        return None
    port = int(authority["port"]) if authority["port"] else None
    if not host or (port or 0) > 65535:
        return None
    written = parts.netloc.rpartition("@")[2]
    return _Url(parts.scheme, host, port, written, parts.path, parts.query, parts.fragment)


def _host(text: str) -> str | None:
    """A host as browsers write it. Raises ValueError, or returns None, when the text is none."""
    if text.startswith("["):
        address = IPv6Address(text[1:-1])
        return f"[{address}]" if address.scope_id is None else None
    host = text if text.isascii() else idna.encode(text, uts46=True).decode()
    return host if _HOST.fullmatch(host) else None


def _untracked(query: str) -> str:
    """A query without its tracking parameters."""
    pairs = [(_name(pair), pair) for pair in query.split("&") if pair]
    piano = ("at_",) if {name for name, _ in pairs} >= _PIANO else ()
    prefixes = _TRACKING_PREFIXES + piano
    return "&".join(pair for name, pair in pairs if name not in _TRACKING and not name.startswith(prefixes))


def _name(pair: str) -> str:
    """A parameter's name; links copied out of HTML have `&amp;` for `&`."""
    return unquote_plus(pair.partition("=")[0]).lower().removeprefix("amp;")
