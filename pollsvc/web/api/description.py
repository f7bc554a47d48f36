"""The part of the OpenAPI document that is about the editors' interface, made of its table of routes."""

import json
import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from msgspec.json import schema_components

from pollsvc.domain.errors import Code
from pollsvc.services.exports.formats import MEDIA_TYPES
from pollsvc.web.api.gate import COMMON_CODES, FILE, ROOT, ApiRoute
from pollsvc.web.errors import STATUS

_REF = "#/components/schemas/{name}"
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of the poll as the caller knows it, or `*`.",
    "schema": {"type": "string", "pattern": '^(\\*|"[0-9]{1,9}")$'},
}
_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}


def describe_api(document: dict[str, Any], table: Sequence[ApiRoute]) -> None:
    """Add paths, schemas and the API key to an OpenAPI 3.1 document."""
    more = json.loads((Path(__file__).parent / "schemas.json").read_bytes())
    bodies = {route.takes for route in table if isinstance(route.takes, type)}
    _, components = schema_components(sorted(bodies, key=lambda body: body.__name__), ref_template=_REF)
    document["components"]["schemas"] |= more["schemas"] | components
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for route in table:
        path = document["paths"].setdefault(template_of(route), {})
        path[route.method.lower()] = _operation(route, more["parameters"])


def template_of(route: ApiRoute) -> str:
    """A route's path as OpenAPI writes it."""
    return ROOT + route.path.replace(":int", "")


def _operation(route: ApiRoute, parameters: dict[str, Any]) -> dict[str, Any]:
    in_path = ["site_" if name == "site" else name for name in re.findall(r"{(\w+)", route.path)]
    codes: Iterable[Code] = (*COMMON_CODES, *route.codes)
    given = [parameters[name] for name in (*in_path, *route.query)]
    if route.if_match:
        given.append(_IF_MATCH)
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "summary": route.summary,
        "description": f"Needs the scope `{route.scope}`.",
        "tags": ["editors"],
        "security": [{"key": []}],
        "parameters": given,
        "responses": {str(route.status): _success(route)},
    }
    if route.takes is not None:
        codes = (*codes, Code.BODY_TOO_LARGE)
        operation["requestBody"] = {"required": True, "content": _content(route.takes)}
    for code in dict.fromkeys(codes):
        answer = operation["responses"].setdefault(str(STATUS[code]), _problem())
        answer["description"] = f"{answer['description']} `{code.value}`".strip()
        if code is Code.BUSY:
            answer["headers"] = _RETRY_AFTER
    return operation


def _content(takes: type | str) -> dict[str, Any]:
    """What a body is: JSON of a type, or a file."""
    if isinstance(takes, str):
        return {"application/octet-stream": {"schema": {}}}
    return {"application/json": {"schema": {"$ref": _REF.format(name=takes.__name__)}}}


def _success(route: ApiRoute) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.gives == FILE:
        answer["content"] = {kind.partition(";")[0]: {"schema": {}} for kind in MEDIA_TYPES.values()}
    elif route.gives is not None:
        answer["content"] = {"application/json": {"schema": {"$ref": _REF.format(name=route.gives)}}}
    if route.gives == "EditorPoll":
        answer["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "For If-Match."}}
    return answer


def _problem() -> dict[str, Any]:
    schema = {"$ref": _REF.format(name="Problem")}
    return {"description": "", "content": {"application/problem+json": {"schema": schema}}}
