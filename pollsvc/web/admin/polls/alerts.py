"""`/admin/polls/{poll}/alerts`: putting alerts aside."""

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.errors import Code, PollError
from pollsvc.web.admin.forms import read_form
from pollsvc.web.admin.polls.ballots import BallotPages
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.numbers import whole


class AlertPages:
    """Where editors put alerts aside; they are shown with the ballots."""

    def __init__(self, render: Renderer, ballots: BallotPages) -> None:
        self._render = render
        self._ballots = ballots

    async def dismiss(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/alerts/{alert}/dismiss`: with a `note`."""
        form = await read_form(request)
        poll, number = request.path_params["poll"], whole(request.path_params["alert"], 9)
        if number is None:
            raise PollError(Code.NOT_FOUND, "There is no such alert.")
        try:
            await visit.work.alerts.dismiss(poll, number, form.text("note"))
        except PollError as error:
            if error.code is not Code.BAD_REQUEST:
                raise
            return await self._ballots.page(request, visit, error)
        return self._render.redirect(f"/admin/polls/{poll}/ballots", visit, done="alert_dismissed")
