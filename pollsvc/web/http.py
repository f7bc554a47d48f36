"""The little that the endpoints share: reading a bounded body, answering, and who is asking."""

import ipaddress
import re
from collections.abc import Iterable, Sequence

from starlette.types import Receive, Scope, Send

from pollsvc.domain.errors import Code, PollError

MAX_BODY = 4_096
"""The longest request body that is read, in bytes."""
_KNOWN = 1_000  # peers that are remembered to be a trusted proxy or not

_NO_WEIGHT = re.compile(r"q\s*=\s*0(\.0*)?")

Headers = Iterable[tuple[bytes, bytes]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Networks = Sequence[Network]


async def read_body(receive: Receive, limit: int = MAX_BODY) -> bytes:
    """The whole request body, of at most `limit` bytes. Raises PollError `body_too_large`."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise PollError(Code.BAD_REQUEST, "The request ended before its body did; send it again.")
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > limit:
            raise PollError(Code.BODY_TOO_LARGE, f"Send a body of at most {limit} bytes.")
        if not message.get("more_body", False):
            return body


async def respond(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    """Answer with these headers and a body of known length."""
    length = () if status == 204 else ((b"content-length", b"%d" % len(body)),)
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})


async def not_modified(scope: Scope, send: Send, headers: Headers, etag: str) -> bool:
    """Answer 304 if the client has what `etag` stands for (RFC 9110, section 13.1.2); whether it was so."""
    match = header(scope, b"if-none-match")
    if match is None or (match.strip() != "*" and etag.removeprefix("W/") not in match):
        return False
    await send({"type": "http.response.start", "status": 304, "headers": [*headers]})
    await send({"type": "http.response.body", "body": b""})
    return True


def header(scope: Scope, name: bytes) -> str | None:
    """A request header by its lower-case name; the first one where it is repeated."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def route_of(scope: Scope) -> str:
    """The template of a request's route, such as `/p/{poll}`; "none" where nothing is at its path."""
    route = scope.get("route")
    return str(getattr(route, "path", "")) or "none"


def takes_gzip(scope: Scope) -> bool:
    """Whether the answer may be compressed with gzip (RFC 9110, section 12.5.3)."""
    for key, value in scope["headers"]:
        if key == b"accept-encoding":
            for member in str(value, "latin-1").lower().split(","):
                coding, *weight = (part.strip() for part in member.split(";"))
                if coding in ("gzip", "x-gzip") and not any(_NO_WEIGHT.fullmatch(part) for part in weight):
                    return True
    return False


class Addresses:
    """Finds the client's address: the peer's, or behind trusted proxies the right-most untrusted hop."""

    def __init__(self, trusted: Networks) -> None:
        self.trust(trusted)

    def trust(self, proxies: Networks) -> None:
        """Believe these proxies from now on."""
        self._trusted = proxies
        self._known: dict[str, bool] = {}  # peers that were looked up

    def of(self, scope: Scope) -> str:
        """The address as text; empty when the server does not know it."""
        client = scope.get("client")
        address: str = client[0] if client else ""
        if not self.is_trusted(address):
            return address
        hops = [
            hop.strip()
            for name, value in scope["headers"]
            if name == b"x-forwarded-for"
            for hop in str(value, "latin-1").split(",")
        ]
        for hop in reversed(hops):
            found = _without_port(hop)
            if found is None:  # what stands left of it, anybody may have written
                break
            address = found
            if not self.is_trusted(address):
                break
        return address

    def is_trusted(self, address: str) -> bool:
        """Whether this peer is one of the trusted proxies."""
        if not self._trusted:
            return False
        known = self._known.get(address)
        if known is None:
            known = is_in(address, self._trusted)
            if len(self._known) < _KNOWN:
                self._known[address] = known
        return known


def is_in(address: str, networks: Networks) -> bool:
    """Whether an address, as text, is in one of these networks; what is no address is in none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped  # what an IPv4 peer looks like on a socket for both
    return any(parsed in network for network in networks)


def _without_port(hop: str) -> str | None:
    """The address in one hop of X-Forwarded-For (`192.0.2.1:80`, `[2001:db8::1]:80`), None if it is none."""
    text = hop[1:].partition("]")[0] if hop.startswith("[") else hop
    if text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
