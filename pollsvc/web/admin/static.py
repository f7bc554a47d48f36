"""`/admin/static/{name}`: the style and the script of the admin."""

from starlette.types import Receive, Scope, Send

from pollsvc.domain.errors import Code, PollError
from pollsvc.web.widget import Asset, static_folder

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class AdminAssets:
    """The files of `static/admin`, read once; browsers ask each time whether theirs is still the same."""

    def __init__(self) -> None:
        self._files = {
            path.name: Asset(path.read_bytes(), _TYPES[path.suffix])
            for path in sorted((static_folder() / "admin").iterdir())
            if path.suffix in _TYPES
        }

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        asset = self._files.get(scope["path_params"]["name"])
        if asset is None:
            raise PollError(Code.NOT_FOUND, "There is no such file.")
        await asset.send(scope, send, b"no-cache")
