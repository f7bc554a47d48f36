"""All that the service answers, from its own table of routes, so that no new route is forgotten."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.routing import Route

from pollsvc.app import create_app
from pollsvc.settings import Settings
from pollsvc.web.admin.guard import AdminRoute, Guarded, OpenRoute
from pollsvc.web.pages.address import Address
from tests.support.server import SECRET

PROGRAMS = "/api/v1/admin"
"""Where the editors' interface for programs begins."""


@dataclass(frozen=True)
class Call:
    """A method of a path; `door` is how the admin lets requests to it in."""

    method: str
    path: str
    door: AdminRoute | OpenRoute | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def changes(self) -> bool:
        """Whether it is not one of the safe methods (RFC 9110, section 9.2.1)."""
        return self.method not in ("GET", "HEAD", "OPTIONS")

    def to(self, ids: Mapping[str, str]) -> str:
        """The path with these in the places of its parameters; `x` for those that are not named."""
        return re.sub(r"{(\w+)(:\w+)?}", lambda found: ids.get(found[1], "x"), self.path)


def all_calls() -> list[Call]:
    """Each method of each route, in the table's order; GET stands for HEAD too."""
    settings = Settings(database_url="sqlite:///x.db", secret_keys=(SECRET,), base_url="http://127.0.0.1:1")
    calls = []
    for route in create_app(settings).table:
        assert isinstance(route, Route), f"{route} is of a sort that no test here knows"
        endpoint = route.endpoint
        if isinstance(endpoint, Guarded):
            calls += [Call(method, route.path, door) for method, door in endpoint.by_method.items()]
        else:
            methods = endpoint.handlers if isinstance(endpoint, Address) else route.methods or ()
            calls += [Call(method, route.path) for method in sorted(methods) if method != "HEAD"]
    return calls
