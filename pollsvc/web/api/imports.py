"""Imports in the editors' interface."""

from http import HTTPStatus

from starlette.responses import Response

from pollsvc.domain.errors import bad
from pollsvc.services.imports.importing import WpFiles, WpWanted
from pollsvc.services.imports.intake import describe_import, describe_imports
from pollsvc.web.api.gate import Call, answer


class ApiImports:
    """Answers calls that bring polls in, with their votes."""

    async def poll(self, call: Call) -> Response:
        """`POST /imports`: the body is an export of `all`, as JSON or NDJSON."""
        site = await call.site(call.query("site"))
        async with call.file() as file:
            made = await call.work.importing.poll(site, file, attach=_yes(call, "attach"))
        return answer(describe_import(made), HTTPStatus.CREATED)

    async def wp_polls(self, call: Call) -> Response:
        """`POST /imports/wp-polls`: the body is a SQL dump, plain or gzipped."""
        site = await call.site(call.query("site"))
        wanted = WpWanted(
            time_zone=call.query("time_zone") or "",
            lang=call.query("lang") or "",
            keep_open=_yes(call, "keep_open"),
            dry_run=_yes(call, "dry_run"),
        )
        async with call.file() as file:
            made = await call.work.importing.wp_polls(site, WpFiles(dump=file), wanted)
        return answer(describe_imports(made, dry_run=wanted.dry_run))


def _yes(call: Call, name: str) -> bool:
    text = call.query(name) or "false"
    if text not in ("true", "false"):
        raise bad(f'Send "{name}" as true or false.', name)
    return text == "true"
