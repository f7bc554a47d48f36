"""One try to deliver a webhook's message: the request, and what its answer means.

Requests go to the origins that the operator named and nowhere else: no redirect is followed, no proxy of the
environment is used, no cookie is kept, TLS certificates are verified, and little of an answer is read.
"""

import os
from collections.abc import Collection
from enum import Enum
from typing import NamedTuple

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)

from pollsvc import __version__
from pollsvc.domain.clock import Clock
from pollsvc.domain.webhook import Claim
from pollsvc.services.webhooks.messages import signature
from pollsvc.services.webhooks.webhooks import may_send

TRY_TIMEOUT = 10.0
"""Seconds from the start of a try to the end of its answer."""
MAX_ANSWER = 1_024
"""Bytes of an answer's body that are read at most."""
MAX_WAIT = 86_400
"""The longest wait, in seconds, that an answer can ask for by `Retry-After`."""
_SHOWN = 200  # characters of an answer that are kept


class Verdict(Enum):
    """What a try means for its message, and GONE for the webhook too."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"


class Tried(NamedTuple):
    """The verdict of a try, in words too; the receiver asked to wait for `wait` seconds before the next."""

    verdict: Verdict
    answer: str
    wait: int = 0


class Sender:
    """Sends messages to allowed origins, between `start` and `stop`."""

    def __init__(self, clock: Clock, allowed_origins: Collection[str], timeout: float = TRY_TIMEOUT) -> None:
        self._clock = clock
        self._allowed_origins = allowed_origins
        self._timeout = timeout
        self._session: ClientSession

    async def start(self) -> None:
        self._session = ClientSession(
            connector=TCPConnector(force_close=True),  # a message an hour is no reason to hold connections
            timeout=ClientTimeout(total=self._timeout),
            cookie_jar=DummyCookieJar(),
            headers={"User-Agent": f"pollsvc/{__version__}"},
            trust_env=False,
            auto_decompress=False,
            read_bufsize=MAX_ANSWER,
        )

    async def stop(self) -> None:
        await self._session.close()

    async def send(self, claim: Claim) -> Tried:
        """Send a message once; whatever goes wrong is told as FAILED."""
        if not may_send(claim.webhook.url, self._allowed_origins):
            return Tried(Verdict.FAILED, "not sent: POLLSVC_WEBHOOK_ORIGINS does not name its origin")
        now, body = int(self._clock()), claim.body.encode()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": claim.id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(claim.webhook.secrets(now), claim.id, now, body),
        }
        try:
            async with self._session.post(
                claim.webhook.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return await _read(answer)
        except TimeoutError:
            return Tried(Verdict.FAILED, f"no answer within {self._timeout:g} s")
        except ClientConnectorCertificateError as error:
            return Tried(Verdict.FAILED, _line(f"the certificate is not valid: {error.certificate_error}"))
        except ClientConnectorError as error:
            system = error.errno is not None and error.errno > 0  # else it is of the name's look-up
            reason = os.strerror(error.errno or 0) if system else error.strerror or str(error.os_error)
            return Tried(Verdict.FAILED, _line(f"no connection: {reason}"))
        except (ClientError, OSError, ValueError) as error:
            return Tried(Verdict.FAILED, _line(f"no answer: {str(error) or type(error).__name__}"))


async def _read(answer: ClientResponse) -> Tried:
    status = f"{answer.status} {answer.reason or ''}".strip()
    if 200 <= answer.status < 300:
        return Tried(Verdict.DELIVERED, _line(status))
    if answer.status == 410:
        return Tried(Verdict.GONE, _line(status))
    if 300 <= answer.status < 400:
        return Tried(Verdict.FAILED, _line(f"{status}: redirects are not followed"))
    text = (await _body(answer)).decode(errors="replace")
    return Tried(Verdict.FAILED, _line(f"{status}: {text}" if text.strip() else status), _wait(answer))


async def _body(answer: ClientResponse) -> bytes:
    """The first MAX_ANSWER bytes of a body, or what comes of them in time."""
    body = b""
    try:
        while len(body) < MAX_ANSWER:
            more = await answer.content.read(MAX_ANSWER - len(body))
            if not more:
                break
            body += more
    except (ClientError, TimeoutError, OSError):
        pass  # the status says enough
    return body


def _wait(answer: ClientResponse) -> int:
    """What `Retry-After` asks for, in seconds; dates are not read."""
    text = answer.headers.get("Retry-After", "")
    return min(int(text), MAX_WAIT) if text.isascii() and text.isdigit() and len(text) <= 9 else 0


def _line(text: str) -> str:
    """The text in one short line, without what cannot be shown."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())[:_SHOWN]
