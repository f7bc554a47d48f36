"""Which hosts the service answers for: a request that names another one was not meant for it."""

import re
from collections.abc import Awaitable, Iterable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from pollsvc.domain.errors import Code, PollError

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""The names that a machine has for itself."""

PROBES = frozenset({"/healthz", "/readyz"})
"""What a machine's keeper asks for under whatever name it has for it; nothing there is of anybody."""

_HOST = re.compile(rb"([a-z0-9._-]*?|\[[0-9a-f:.]+\])\.?(?::[0-9]*)?", re.IGNORECASE)
"""A host in either case, with or without the dot of the root and a port (RFC 9110, section 7.2)."""


_SPELLINGS = 100  # of our hosts, that are remembered


class KnownHosts:
    """Lets requests in whose `Host` is one of ours, of any port, or the very address that they came to.

    A page whose name is pointed at this machine (DNS rebinding) has a name of its own, never one of these.
    Raises PollError `wrong_host` for another host (RFC 9110, section 15.5.20), `bad_request` where there is
    none or more than one (RFC 9112, section 3.2).
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        """`hosts` as browsers write them: in ASCII and lower case, an IPv6 address in brackets."""
        self._app = app
        self.answer_for(hosts)

    def answer_for(self, hosts: Iterable[str]) -> None:
        """Answer for these hosts and no others from now on."""
        self._hosts = frozenset(host.encode() for host in hosts)
        self._let_in = set(self._hosts)  # as they were written, with ports

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            found = [value for name, value in scope["headers"] if name == b"host"]
            if (len(found) != 1 or found[0] not in self._let_in) and scope["path"] not in PROBES:
                self._check(scope, found)
        return self._app(scope, receive, send)

    def _check(self, scope: Scope, found: Sequence[bytes]) -> None:
        if len(found) != 1:
            raise PollError(Code.BAD_REQUEST, "Send one Host header.")
        match = _HOST.fullmatch(found[0])
        host: bytes = match[1].lower() if match else b""
        if host not in self._hosts and host != _address_of(scope):
            raise PollError(
                Code.WRONG_HOST,
                "This service does not answer for that host; its operator names its hosts in "
                "POLLSVC_BASE_URL and POLLSVC_ALLOWED_HOSTS.",
            )
        if host in self._hosts and len(self._let_in) < _SPELLINGS:
            self._let_in.add(found[0])


def _address_of(scope: Scope) -> bytes | None:
    """The address at this end of the connection, as a browser writes it; None where it is not known."""
    if not scope.get("server"):
        return None
    address: str = scope["server"][0]
    return (f"[{address}]" if ":" in address else address).encode()
