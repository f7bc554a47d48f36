"""What webhooks are sent: ids, bodies and signatures as in the Standard Webhooks specification 1.0.0.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import secrets
from base64 import b64encode
from collections.abc import Mapping

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.mac import mac
from pollsvc.domain.poll import Poll
from pollsvc.domain.webhook import PING, Event, Message, Occasion, Webhook
from pollsvc.services.snapshots import dump
from pollsvc.storage.ballot_log import Head


def new_message(
    hook: Webhook, poll: str, occasion: Occasion, body: str, now: float, place: int = 0
) -> Message:
    """A message that is due at once; `place` orders those that are made together."""
    return Message(
        id=_new_id(now, place),
        webhook=hook.id,
        poll=poll,
        event=occasion.event,
        number=occasion.number,
        body=body,
        created_at=int(now),
        due_at=int(now),
    )


def silent_message(hook: Webhook, poll: str, milestone: int, now: float) -> Message:
    """A message that is never sent: it says that a poll had reached a milestone before (0: none)."""
    occasion = Occasion(Event.MILESTONE, milestone, int(now))
    return new_message(hook, poll, occasion, "", now)._replace(due_at=None)


def body_of_ping(hook: Webhook, at: int) -> str:
    """The body of a test message."""
    return _body(PING, at, {"webhook": hook.id, "site": hook.site})


def body_of_occasion(
    occasion: Occasion, poll: Poll, voters: int, base_url: str, now: int, kind: str = ""
) -> str:
    """The body that tells of an occasion, with the poll as it stands `now`.

    `voters` are told where everybody may see the results. A milestone is told in any case: the receiver is
    the publisher's own. Of an alert, its `kind` is.
    """
    state = poll.state(now)
    data: dict[str, object] = {
        "poll": poll.id,
        "site": poll.site.id,
        "question": dict(poll.question),
        "url": f"{base_url}/p/{poll.id}",
        "state": state,
    }
    if poll.shows_results(state, voted=False):
        data["voters"] = voters
    if occasion.event == Event.MILESTONE:
        data["milestone"] = occasion.number
    if occasion.event == Event.ALERT:
        review = f"{base_url}/admin/polls/{poll.id}/ballots#alert-{occasion.number}"
        data["alert"] = {"number": occasion.number, "kind": kind, "url": review}
    return _body(occasion.event, occasion.at, data)


def body_of_checkpoint(head: Head) -> str:
    """The body that tells of a signed head of the log, as a C2SP tlog-checkpoint."""
    origin = head.note.partition("\n")[0]
    return _body(Event.CHECKPOINT, head.at, {"log": origin, "size": head.size, "checkpoint": head.note})


def signature(keys: tuple[bytes, ...], id_: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: HMAC-SHA256 over `id.timestamp.body` under each key, in base64."""
    signed = b"%b.%d.%b" % (id_.encode(), timestamp, body)
    return " ".join(f"v1,{b64encode(mac(key)(signed)).decode()}" for key in keys)


def text_of_secret(secret: bytes) -> str:
    """A secret as it is shown and configured: `whsec_` and its base64."""
    return f"whsec_{b64encode(secret).decode()}"


def _body(event: str, at: int, data: Mapping[str, object]) -> str:
    return dump({"type": event, "timestamp": rfc3339(at), "data": data}).decode()


def _new_id(now: float, place: int) -> str:
    """32 hexadecimal characters: milliseconds, place, 64 random bits; so they sort by time."""
    return f"{int(now * 1000):012x}{place % 0x10000:04x}{secrets.token_hex(8)}"
