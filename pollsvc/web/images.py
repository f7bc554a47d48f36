"""`GET /i/{image}`: the images of options."""

from starlette.types import Receive, Scope, Send

from pollsvc.services.image_cache import ImageCache
from pollsvc.web.http import not_modified, respond

_HEADERS = (
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"x-content-type-options", b"nosniff"),
)


class GetImage:
    """An image for ever: its id is made of its content."""

    def __init__(self, images: ImageCache) -> None:
        self._images = images

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        image = await self._images.get(scope["path_params"]["image"])
        etag = f'"{image.id}"'
        headers = [*_HEADERS, (b"etag", etag.encode())]
        if not await not_modified(scope, send, headers, etag):
            headers.append((b"content-type", image.content_type.encode()))
            await respond(send, 200, headers, image.content)
