"""A site's word for its own signed-in readers: each of them has one vote, on all their devices.

The page passes `SUBJECT.EXPIRES.SIGNATURE`: the reader's name at the site in base64url, Unix seconds, and in
base64url HMAC-SHA256 (RFC 2104) over `SUBJECT.EXPIRES` under the site's secret.
"""

import hmac
import re
from base64 import urlsafe_b64decode

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.mac import encode, mac
from pollsvc.domain.poll import Site

_ASSERTION = re.compile(r"([A-Za-z0-9_-]{1,270})\.([0-9]{1,11})\.([A-Za-z0-9_-]{43})", re.ASCII)
LONGEST = 7 * 86_400
"""Seconds for which an assertion may be good."""
_SKEW = 60  # seconds by which the site's clock may be behind


def secret_of(site: Site, number: int | None = None) -> str:
    """The secret that a site shares with the service: 43 characters; by default the newest."""
    which = site.vouching if number is None else number
    return encode(site.mac(f"pollsvc.vouching.{which}".encode()))


def vouched_reader(site: Site, assertion: str, now: float) -> bytes:
    """The id (16 bytes) of the reader whom an assertion names: the same for all of a reader's devices.

    The secret before the newest is good too, so that a site can change it without an error. Raises PollError
    `not_vouched_for`.
    """
    found = _ASSERTION.fullmatch(assertion)
    if found is None:
        raise not_vouched_for()
    subject, expires, signature = found.groups()
    if len(subject) % 4 == 1:  # no bytes have such a base64
        raise not_vouched_for()
    signed = f"{subject}.{expires}".encode()
    secrets = [secret_of(site, number) for number in (site.vouching, site.vouching - 1) if number > 0]
    if not any(hmac.compare_digest(encode(mac(secret.encode())(signed)), signature) for secret in secrets):
        raise not_vouched_for()
    if not now - _SKEW <= int(expires) <= now + LONGEST + _SKEW:
        raise not_vouched_for()
    name = urlsafe_b64decode(subject + "=" * (-len(subject) % 4))
    return site.mac(b"pollsvc.vouched\n" + name)[:16]


def not_vouched_for() -> PollError:
    """The answer to a vote that only a reader of the site's own may cast."""
    return PollError(
        Code.NOT_VOUCHED_FOR,
        "This poll takes votes of the site's signed-in readers; send a valid assertion of the site.",
        details={"reason": "vouched"},
    )
