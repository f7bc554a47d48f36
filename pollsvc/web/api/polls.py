"""Polls in the editors' interface: find, create, change, open and close, results."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.responses import Response

from pollsvc.domain.clock import Clock, rfc3339
from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.history import Noted
from pollsvc.domain.poll import Poll
from pollsvc.services.editing.alerts import describe_alert
from pollsvc.services.editing.describing import describe
from pollsvc.services.editing.new_poll import as_new
from pollsvc.services.embed import embed_code
from pollsvc.services.snapshots import image_url
from pollsvc.web.api.bodies import DecisionBody, PollBody, asked
from pollsvc.web.api.gate import Call, Endpoint, answer


class ApiPolls:
    """Answers calls about polls."""

    def __init__(self, base_url: str, clock: Clock) -> None:
        self._base_url = base_url
        self._clock = clock

    async def find(self, call: Call) -> Response:
        """`GET /polls`."""
        site = call.query("site")
        if site is not None or call.key.site is not None:
            site = (await call.site(site)).id
        polls, more = await call.work.finding.polls(
            site=site,
            state=call.query("state"),
            text=call.query("text") or "",
            after=call.query("after"),
            limit=call.number("limit", 50) or 0,
        )
        return answer({"polls": [self.json(poll) for poll in polls], "next": more})

    async def create(self, call: Call) -> Response:
        """`POST /polls`."""
        body = await call.body(PollBody)
        site = await call.site(body.site or None)
        poll = await call.work.editing.create_poll(site, asked(body, site))
        return self._answer(poll, HTTPStatus.CREATED)

    async def get(self, call: Call) -> Response:
        """`GET /polls/{poll}`."""
        return self._answer(await call.poll())

    async def change(self, call: Call) -> Response:
        """`PATCH /polls/{poll}`."""
        revision, body = call.revision(needed=True), await call.body(PollBody)
        while True:
            before = await call.poll()
            try:
                edited = await call.work.editing.edit_poll(
                    before.id,
                    asked(body, before.site, as_new(before)),
                    revision=before.revision if revision is None else revision,
                    correction=body.correction,
                )
            except PollError as error:
                if revision is not None or error.code is not Code.EDIT_CONFLICT:
                    raise  # else another change came between, and `*` is any state of the poll
            else:
                return self._answer(edited)

    async def replace(self, call: Call) -> Response:
        """`POST /polls/{poll}/versions`."""
        revision = call.revision()
        before = await call.poll()
        body = await call.body(PollBody)
        new = asked(body, before.site, as_new(before))
        return self._answer(await call.work.editing.new_version(before.id, new, revision), HTTPStatus.CREATED)

    async def duplicate(self, call: Call) -> Response:
        """`POST /polls/{poll}/duplicate`."""
        poll = await call.poll()
        return self._answer(await call.work.editing.duplicate_poll(poll.id), HTTPStatus.CREATED)

    def act(self, action: str) -> Endpoint:
        """`POST /polls/{poll}/ACTION`: open, publish, close, archive, unarchive."""

        async def endpoint(call: Call) -> Response:
            editing, revision = call.work.editing, call.revision()
            does: dict[str, Callable[[str], Awaitable[Poll]]] = {
                "open": lambda poll: editing.open_poll(poll, revision),
                "publish": lambda poll: editing.publish_poll(poll, revision),
                "close": lambda poll: editing.close_poll(poll, revision),
                "archive": lambda poll: editing.archive_poll(poll, revision=revision),
                "unarchive": lambda poll: editing.archive_poll(poll, archived=False, revision=revision),
            }
            return self._answer(await does[action]((await call.poll()).id))

        return endpoint

    async def results(self, call: Call) -> Response:
        """`GET /polls/{poll}/results`: whatever readers may see."""
        poll = await call.poll()
        results = await call.work.finding.results(poll)
        return answer({"id": poll.id, "results": results.as_json()})

    async def alerts(self, call: Call) -> Response:
        """`GET /polls/{poll}/alerts`: open ones first."""
        poll = await call.poll()
        found = await call.work.alerts.of_poll(poll)
        return answer({"id": poll.id, "alerts": [describe_alert(alert, poll) for alert in found]})

    async def history(self, call: Call) -> Response:
        """`GET /polls/{poll}/history`."""
        poll = await call.poll()
        changes = await call.work.finding.history(poll.id)
        return answer({"id": poll.id, "changes": [noted_json(noted) for noted in changes]})

    async def decide(self, call: Call) -> Response:
        """`POST /polls/{poll}/write-ins/{option}`."""
        revision = call.revision()
        poll = await call.poll()
        option = call.request.path_params["option"]
        body = await call.body(DecisionBody)
        reviewing = call.work.reviewing
        match body.decision:
            case "approve":
                poll = await reviewing.approve(poll.id, option, body.label, revision)
            case "merge":
                if body.into is None:
                    raise bad('Send the option that it is the same as as "into".', "into")
                poll = await reviewing.merge(poll.id, option, body.into, revision)
            case "reject":
                poll = await reviewing.reject(poll.id, option, revision)
        return self._answer(poll)

    async def upload(self, call: Call) -> Response:
        """`POST /images`: keep an image for options; the body is the file."""
        async with call.file() as file:
            image = await call.work.images.add(file.read())
        url = image_url(self._base_url, image.id)
        fields = {"id": image.id, "url": url, "width": image.width, "height": image.height}
        return answer(fields, HTTPStatus.CREATED)

    def json(self, poll: Poll) -> dict[str, object]:
        """A poll as editors get it."""
        return {
            **describe(poll, self._clock()),
            "url": f"{self._base_url}/p/{poll.id}",
            "embed": embed_code(self._base_url, poll),
        }

    def _answer(self, poll: Poll, status: int = HTTPStatus.OK) -> Response:
        more = {"location": f"{self._base_url}/api/v1/admin/polls/{poll.id}"} if status == 201 else {}
        return answer(self.json(poll), status, etag=f'"{poll.revision}"', **more)


def noted_json(noted: Noted) -> dict[str, object]:
    """One change of a poll's history as JSON values."""
    return {"number": noted.number, "at": rfc3339(noted.at), **noted.notice._asdict()}
