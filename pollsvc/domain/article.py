"""The canonical form of an article's URL, so that one article is found under all its spellings."""

import re
from urllib.parse import SplitResult, parse_qsl, quote, unquote_to_bytes, urlencode, urlsplit

MAX_URL = 2048
"""The longest article URL that is kept, in characters."""

_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")  # as browsers write it: lower case, ASCII
_SEGMENT = "!$&'()*+,;=:@-._~"  # what stands in a path segment as it is (RFC 3986, section 3.3: pchar)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_TRACKING = frozenset(
    {"fbclid", "gclid", "dclid", "msclkid", "twclid", "igshid", "mc_cid", "mc_eid", "yclid"}
)


def canonical_url(text: str) -> str | None:
    """The canonical form of an http(s) URL, or None when the text is none.

    Lower-case scheme and host, no default port, user, fragment, tracking parameter or trailing slash; the
    path is percent-encoded where it must be and nowhere else (RFC 3986, section 6.2.2), as UTF-8.
    """
    try:
        parts = urlsplit(text.strip())
        origin = _origin(parts)
        text.encode()
    except ValueError:  # UnicodeEncodeError, of lone surrogates, is one too
        return None
    if origin is None or len(text) > MAX_URL or any(ord(char) < 32 for char in text):
        return None
    query = [
        pair
        for pair in parse_qsl(parts.query, keep_blank_values=True)
        if pair[0].lower() not in _TRACKING and not pair[0].lower().startswith("utm_")
    ]
    path = parts.path.rstrip("/") or "/"
    path = "/".join(quote(unquote_to_bytes(segment), safe=_SEGMENT) for segment in path.split("/"))
    return origin + path + ("?" + urlencode(query) if query else "")


def canonical_origin(text: str) -> str | None:
    """A web origin (RFC 6454) as browsers send it: scheme, host and a port that is not the default.

    None when the text is not an http(s) origin and nothing else.
    """
    try:
        parts = urlsplit(text.strip())
        origin = _origin(parts)
    except ValueError:
        return None
    return origin if parts.path in ("", "/") and not parts.query and not parts.fragment else None


def _origin(parts: SplitResult) -> str | None:
    scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    if scheme not in _DEFAULT_PORTS or not host:
        return None
    host = host.encode("idna").decode() if not host.isascii() else host
    host = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(host):
        return None
    return f"{scheme}://{host}" + (f":{port}" if port and port != _DEFAULT_PORTS[scheme] else "")
