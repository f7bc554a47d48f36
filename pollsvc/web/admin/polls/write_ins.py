"""`/admin/polls/{poll}/write-ins`: what readers wrote, to be approved, merged or left unnamed."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import Code, PollError
from pollsvc.services.editing.describing import state_of
from pollsvc.web.admin.forms import read_form
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.errors import STATUS

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
        poll, do, option = request.path_params["poll"], form.text("do"), _id(form.text("option"))
        reviewing = visit.work.reviewing
        try:
            match do:
                case "approve":
                    await reviewing.approve(poll, option, form.text("label").strip() or None)
                case "merge":
                    await reviewing.merge(poll, option, _id(form.text("into")))
                case "reject":
                    await reviewing.reject(poll, option)
                case _:
                    raise PollError(Code.BAD_REQUEST, "Approve the answer, merge or reject it.")
        except PollError as error:
            if error.code not in (Code.BAD_REQUEST, Code.NOT_POSSIBLE_NOW):
                raise
            field = {"approve": "label", "merge": "into"}.get(do, "decide")
            return await self._page(
                request,
                visit,
                errors={f"{field}:{option}": error.message},
                typed=form.text("label"),
                status=STATUS[error.code],
            )
        return self._render.redirect(f"/admin/polls/{poll}/write-ins", done=_DONE[do])

    async def _page(
        self,
        request: Request,
        visit: Visit,
        *,
        errors: Mapping[str, str] | None = None,
        typed: str = "",
        status: int = 200,
    ) -> Response:
        poll = await visit.work.editing.poll(request.path_params["poll"])
        return self._render(
            "admin/poll_write_ins.html",
            visit,
            request,
            active="polls",
            status=status,
            poll=poll,
            state=state_of(poll, self._clock()),
            written=await visit.work.written.of(poll),
            targets=[(option.id, option.label.get(poll.lang, "")) for option in poll.shown_options],
            names={option.id: option.label.get(poll.lang, "") for option in poll.options},
            errors=errors or {},
            typed=typed,
        )


def _id(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
