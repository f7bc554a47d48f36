"""Alerts as pages show them."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from pollsvc.domain.alert import Alert
from pollsvc.domain.poll import Poll
from pollsvc.services.editing.alerts import NAMES, sentences
from pollsvc.web.admin.watching.alert_chart import alert_chart


class Shown(NamedTuple):
    """An alert in words; `picture` is empty where it is dismissed."""

    alert: Alert
    name: str
    told: Sequence[str]
    picture: Markup


def shown(alerts: Sequence[Alert], poll: Poll) -> list[Shown]:
    """Alerts of a poll, those that are open with their pictures."""
    return [
        Shown(
            alert,
            NAMES[alert.finding.kind],
            sentences(alert.finding, poll),
            alert_chart(
                alert.finding,
                poll.site.time_zone,
                title=f"{NAMES[alert.finding.kind]}: ballots by minute",
                id=f"alert-{alert.number}-picture",
            )
            if alert.dismissed_at is None
            else Markup(),
        )
        for alert in alerts
    ]
