"""`/admin/polls/{poll}/write-ins`: what readers wrote, to be approved, merged or left unnamed."""

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.poll import OptionState
from pollsvc.services.editing.describing import state_of
from pollsvc.web.admin.forms import read_form
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.errors import STATUS
from pollsvc.web.numbers import whole

_OPEN = (OptionState.PENDING, OptionState.MERGED, OptionState.REJECTED)
"""What can be decided on, for the first time or anew."""
_DONE = {"approve": "write_in_approved", "merge": "write_in_merged", "reject": "write_in_rejected"}


class WriteInPages:
    """Where editors decide on write-ins."""

    def __init__(self, render: Renderer, clock: Clock) -> None:
        self._render = render
        self._clock = clock

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/write-ins`."""
        return await self._page(request, visit)

    async def decide(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/write-ins`: `do` approve (`label`), merge (`into`) or reject `option`."""
        form = await read_form(request)
        poll, do, option = request.path_params["poll"], form.text("do"), whole(form.text("option"), 5) or 0
        reviewing = visit.work.reviewing
        try:
            match do:
                case "approve":
                    await reviewing.approve(poll, option, form.text("label").strip() or None)
                case "merge":
                    into = whole(form.text("into"), 5)
                    if into is None:
                        raise bad("Choose the option that it is the same as.")
                    await reviewing.merge(poll, option, into)
                case "reject":
                    await reviewing.reject(poll, option)
                case _:
                    raise bad("Approve the answer, merge or reject it.")
        except PollError as error:
            if error.code not in (Code.BAD_REQUEST, Code.NOT_POSSIBLE_NOW):
                raise
            field = {"approve": "label", "merge": "into"}.get(do, "")
            return await self._page(request, visit, option, field, form.text(field), error)
        return self._render.redirect(f"/admin/polls/{poll}/write-ins", visit, done=_DONE[do])

    async def _page(
        self,
        request: Request,
        visit: Visit,
        option: int = 0,
        field: str = "",
        typed: str = "",
        error: PollError | None = None,
    ) -> Response:
        """What readers wrote; with what was `typed` into a `field` of an option, and what is wrong there."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        written = await visit.work.written.of(poll)
        open_ = [one.option.id for one in (*written.waiting, *written.decided) if one.option.state in _OPEN]
        name = f"{field}:{option}" if field and option in open_ else ""
        return self._render(
            "admin/poll_write_ins.html",
            visit,
            request,
            active="polls",
            status=STATUS[error.code] if error else 200,
            poll=poll,
            state=state_of(poll, self._clock()),
            written=written,
            targets=[(option.id, option.label.get(poll.lang, "")) for option in poll.shown_options],
            names={option.id: option.label.get(poll.lang, "") for option in poll.options},
            errors={name: error.message} if error else {},
            typed={name: typed},
        )
