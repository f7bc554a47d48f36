"""The rules of webhooks: when polls opened and closed, milestones, delays, secrets, signatures."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from pollsvc.domain.history import Noted, Notice
from pollsvc.domain.webhook import (
    DELAYS,
    JITTER,
    Event,
    Times,
    changes_of_state,
    milestones,
    retry_delay,
)
from pollsvc.services.webhooks.messages import signature, text_of_secret

OPENED, CLOSED = Event.OPENED, Event.CLOSED


def test_milestones_are_powers_of_ten_from_100_on() -> None:
    assert [milestones(voters) for voters in (0, 99, 100, 999)] == [[], [], [100], [100]]
    assert milestones(2_000_000) == [100, 1_000, 10_000, 100_000, 1_000_000]


def test_delays_grow_and_end() -> None:
    delays = [retry_delay(tries, 0) for tries in range(1, len(DELAYS) + 1)]
    assert delays == list(DELAYS)
    assert delays == sorted(set(DELAYS))
    assert retry_delay(len(DELAYS) + 1, 0) is None
    assert 1.5 * 86_400 < sum(DELAYS) < 3 * 86_400


@pytest.mark.parametrize("tries", range(1, len(DELAYS) + 1))
def test_chance_only_adds_to_a_delay(tries: int) -> None:
    least, most = retry_delay(tries, 0), retry_delay(tries, 1)
    assert least is not None
    assert most == int(least * (1 + JITTER))


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the reference implementations of Standard Webhooks."""
    key = bytes.fromhex("31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0")
    assert text_of_secret(key) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = signature((key,), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_documented_check_accepts_what_is_sent_and_nothing_else() -> None:
    text = (Path(__file__).parent.parent / "docs/webhooks.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    key, body = b"k" * 32, '{"من": 1}'.encode()

    def check(at: float, id_: str = "a", body: bytes = body, key: bytes = key) -> object:
        signed = signature((b"o" * 32, b"k" * 32), "a", int(at), '{"من": 1}'.encode())
        headers = {"webhook-id": id_, "webhook-timestamp": str(int(at)), "webhook-signature": signed}
        return names["verify"](text_of_secret(key), headers, body)

    now = time.time()
    assert check(now) is True
    assert check(now - 310) is False
    assert check(now + 310) is False
    assert check(now, id_="b") is False
    assert check(now, body=body + b" ") is False
    assert check(now, key=b"K" * 32) is False


def noted(*notices: tuple[int, str, str | None]) -> list[Noted]:
    return [Noted(number, at, Notice(what, old, None)) for number, (at, what, old) in enumerate(notices, 1)]


@pytest.mark.parametrize(
    ("times", "history", "changes"),
    [
        pytest.param(Times(None, None), [], [(OPENED, 5)], id="from a release without histories"),
        pytest.param(Times(10, 20), [(7, "published", None)], [(OPENED, 10), (CLOSED, 20)], id="plain"),
        pytest.param(Times(10, 200), [(7, "published", None)], [(OPENED, 10)], id="still open"),
        pytest.param(Times(200, 300), [(7, "published", None)], [], id="to come"),
        pytest.param(
            Times(None, 7),
            [(7, "published", None), (7, "opens_at", "1970-01-01T00:00:07Z"), (7, "closes_at", None)],
            [(OPENED, 7), (CLOSED, 7)],
            id="opened and closed within a second",
        ),
        pytest.param(
            Times(None, 9),
            [(7, "published", None), (9, "opens_at", "1970-01-01T00:01:00Z"), (9, "closes_at", None)],
            [(CLOSED, 9)],
            id="closed before it opened",
        ),
        pytest.param(
            Times(50, None),
            [(7, "published", None), (9, "opens_at", "1970-01-01T00:00:07Z")],
            [(OPENED, 7), (OPENED, 50)],
            id="put off",
        ),
        pytest.param(
            Times(8, 30),
            [(7, "published", None), (40, "closes_at", "1970-01-01T00:00:20Z")],
            [(OPENED, 8), (CLOSED, 20)],
            id="closing time corrected after the close",
        ),
        pytest.param(
            Times(8, None),
            [(7, "published", None), (20, "closes_at", None), (20, "closes_at", "1970-01-01T00:00:20Z")],
            [(OPENED, 8), (CLOSED, 20), (OPENED, 20)],
            id="closed and opened again within a second",
        ),
        pytest.param(
            Times(8, 9),
            [(7, "published", None), (9, "closes_at", "1970-01-01T00:00:09Z"), (9, "closes_at", None)],
            [(OPENED, 8), (CLOSED, 9), (OPENED, 9), (CLOSED, 9)],
            id="closed by its schedule, opened and closed again within a second",
        ),
    ],
)
def test_changes_of_state(
    times: Times, history: list[tuple[int, str, str | None]], changes: list[tuple[str, int]]
) -> None:
    found = changes_of_state(times, 5, noted(*history), 100)
    assert [(event, at) for event, _, at in found] == changes
    assert len({(event, number) for event, number, _ in found}) == len(found)
