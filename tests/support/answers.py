"""Answers to votes that a service would give on a bad day."""

import json

from playwright.async_api import Page, Route

from tests.support.browser import last_body

VOTES = "**/votes"


async def first_answers(page: Page, *answers: dict[str, object] | str) -> list[dict[str, object]]:
    """Let the first votes meet these answers (a string: an aborted connection), and the rest the service.

    Returns the list that gets the body of each vote.
    """
    sent: list[dict[str, object]] = []
    left = list(answers)

    async def answer(route: Route) -> None:
        body = await last_body(page)
        sent.append(json.loads(body))
        if not left:
            await route.continue_()
            return
        planned = left.pop(0)
        if isinstance(planned, str):
            await route.abort(planned)
        elif planned.get("lost"):
            await route.fetch(post_data=body)
            await route.abort("connectionreset")
        else:
            await route.fulfill(**planned)  # type: ignore[arg-type]

    await page.route(VOTES, answer)
    return sent


def problem(status: int, code: str, **headers: str) -> dict[str, object]:
    body = {"type": "about:blank", "title": code, "status": status, "detail": code, "code": code}
    exposed = {"access-control-allow-origin": "*", "access-control-expose-headers": "Retry-After"}
    return {
        "status": status,
        "content_type": "application/problem+json",
        "body": json.dumps(body),
        "headers": exposed | headers,
    }
