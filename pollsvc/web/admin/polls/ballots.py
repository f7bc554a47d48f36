"""`/admin/polls/{poll}/ballots`: where a poll's ballots came from, to be held, released or excluded."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.alert import Alert
from pollsvc.domain.ballot import Reason, Status
from pollsvc.domain.clock import Clock, minute_of
from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.poll import Poll
from pollsvc.domain.review import EXCLUDED_FOR, Group, Rule, Verdict
from pollsvc.services.editing.alerts import rule_of
from pollsvc.services.editing.describing import state_of
from pollsvc.services.editing.judging import SHOWN
from pollsvc.web.admin.forms import Form, read_form
from pollsvc.web.admin.local_time import local_text, read_local
from pollsvc.web.admin.polls.terms import REASONS
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.admin.watching.alerts import shown as alerts_shown
from pollsvc.web.errors import STATUS
from pollsvc.web.numbers import whole

_DEEDS = {
    "hold": ("Hold for review", Verdict.HOLD, None),
    "release": ("Let them count", Verdict.RELEASE, None),
    **{
        f"exclude-{reason}": (f"Exclude: {REASONS[reason]}", Verdict.EXCLUDE, reason)
        for reason in EXCLUDED_FOR
    },
}
_FIELDS = ("network", "since", "until", "fresh", "status", "do")
"""The fields of a rule; in the form, each after `rule:`."""

T = TypeVar("T", bound=StrEnum)


class BallotPages:
    """Where editors review ballots."""

    def __init__(self, render: Renderer, clock: Clock) -> None:
        self._render = render
        self._clock = clock

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/ballots?alert=NUMBER`: with the ballots of an alert in the form."""
        return await self.page(request, visit)

    async def judge(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/ballots`: `do` to a group of ballots, or to those that a rule is true of.

        A group is a `network` in an `hour` whose ballots stand so; a rule (`by=rule`) is what the form says.
        """
        form = await read_form(request)
        poll = request.path_params["poll"]
        by_rule = form.text("by") == "rule"
        try:
            deed = _DEEDS.get(form.text("rule:do" if by_rule else "do"))
            if deed is None:
                raise bad("Choose what to do with the ballots.", "do")
            _, verdict, reason = deed
            rule = await self._rule(form, visit, poll) if by_rule else _group(form)
            await visit.work.judging.judge(poll, rule, verdict, reason)
        except PollError as error:
            if error.code is not Code.BAD_REQUEST:
                raise
            return await self.page(request, visit, error, form if by_rule else None)
        return self._render.redirect(f"/admin/polls/{poll}/ballots", visit, done="ballots_judged")

    async def publish(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/ballots/publish`."""
        poll = request.path_params["poll"]
        await visit.work.publishing.publish(poll)
        return self._render.redirect(f"/admin/polls/{poll}/ballots", visit, done="ballots_published")

    async def withdraw(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/ballots/withdraw`."""
        poll = request.path_params["poll"]
        await visit.work.publishing.withdraw(poll)
        return self._render.redirect(f"/admin/polls/{poll}/ballots", visit, done="ballots_withdrawn")

    async def page(
        self, request: Request, visit: Visit, error: PollError | None = None, form: Form | None = None
    ) -> Response:
        """The page, with what was wrong with a form, and what had been typed."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        alerts = await visit.work.alerts.of_poll(poll)
        rule = None if error else _rule_of_alert(alerts, request.query_params.get("alert", ""))
        zone = ZoneInfo(poll.site.time_zone)
        found = await visit.work.judging.groups(poll.id)
        return self._render(
            "admin/poll_ballots.html",
            visit,
            request,
            active="polls",
            status=STATUS[error.code] if error else 200,
            poll=poll,
            state=state_of(poll, self._clock()),
            published=await visit.work.publishing.published(poll.id),
            groups=[(group, _told(group, zone)) for group in found],
            shown=SHOWN,
            reasons=REASONS,
            deeds=[(name, label, verdict) for name, (label, verdict, _) in _DEEDS.items()],
            errors=_errors(error, form),
            standing=alerts_shown(alerts, poll),
            alerts=sum(alert.dismissed_at is None and alert.finding.serious for alert in alerts),
            typed=_typed(rule, form, poll),
            typed_in=form is not None,
            matching=await visit.work.judging.count(poll.id, rule._replace(status=None)) if rule else {},
        )

    async def _rule(self, form: Form, visit: Visit, poll_id: str) -> Rule:
        """The rule that the form says."""
        zone = (await visit.work.editing.poll(poll_id)).site.time_zone
        since, until = (read_local(form.text(name), zone, name) for name in ("rule:since", "rule:until"))
        if any(at is not None and at < 0 for at in (since, until)):
            raise bad("No ballot is from before 1970; say another time.", "since")
        rule = Rule(
            status=_of(Status, form.text("rule:status")),
            network=form.text("rule:network").strip(),
            since=None if since is None else minute_of(since),
            until=None if until is None else minute_of(until),
            fresh=True if "rule:fresh" in form else None,
        )
        if not (rule.network or rule.since is not None or rule.until is not None):
            raise bad("Name a network or a time: else it is all ballots of the poll.", "network")
        return rule


def _group(form: Form) -> Rule:
    """The rule of the group that a form names."""
    hour = whole(form.text("hour"), 8)
    if hour is None:
        raise bad("Choose one of the groups.", "do")
    return Rule(
        status=_of(Status, form.text("status")),
        reason=_of(Reason, form.text("reason")),
        network=form.text("network"),
        since=hour * 60,
        until=hour * 60 + 60,
    )


def _rule_of_alert(alerts: Sequence[Alert], asked: str) -> Rule | None:
    number = whole(asked, 9)
    return next((rule_of(alert.finding) for alert in alerts if alert.number == number), None)


def _typed(rule: Rule | None, form: Form | None, poll: Poll) -> dict[str, str]:
    """What stands in the fields of the form."""
    if form is not None:
        return {name: form.text(f"rule:{name}") for name in _FIELDS}
    if rule is None:
        return {"status": Status.COUNTED.value}
    since, until = (None if at is None else at * 60 for at in (rule.since, rule.until))
    zone = poll.site.time_zone
    return {
        "network": rule.network,
        "since": local_text(since, zone),
        "until": local_text(until, zone),
        "fresh": "on" if rule.fresh else "",
        "status": rule.status or "",
    }


def _errors(error: PollError | None, form: Form | None) -> dict[str, str]:
    """What was wrong, by the fields of the page."""
    if error is None:
        return {}
    field = str(error.details.get("field", ""))
    if form is not None:
        return {f"rule:{field}" if field in _FIELDS else field: error.message}
    return {field if field.startswith("note:") else "do": error.message}


def _of(values: type[T], text: str) -> T | None:
    """One of an enumeration's values, None for an empty text. Raises PollError `bad_request`."""
    try:
        return values(text) if text else None
    except ValueError:
        raise bad("Choose one of the groups.", "do") from None


def _told(group: Group, zone: ZoneInfo) -> str:
    """When a group's ballots were cast, in the poll's time zone."""
    return datetime.fromtimestamp(group.hour * 3600, UTC).astimezone(zone).strftime("%d %b %Y, %H:%M")
