"""The session's cookie."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response


class SessionCookie:
    """Holds a session's secret in the browser until that is closed; only the admin's pages are sent it.

    Its path rules out the prefix `__Host-`; over https `__Secure-` (RFC 6265bis, section 4.1.3) keeps pages
    without TLS from setting it.
    """

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._secure = parts.scheme == "https"
        self._path = f"{parts.path}/admin"
        self.name = "__Secure-pollsvc" if self._secure else "pollsvc"

    def read(self, request: Request) -> str:
        """The secret that the browser sent; empty when there is none."""
        return request.cookies.get(self.name, "")

    def write(self, response: Response, secret: str) -> None:
        """Have the browser keep a secret."""
        response.set_cookie(
            self.name, secret, path=self._path, secure=self._secure, httponly=True, samesite="lax"
        )

    def clear(self, response: Response) -> None:
        """Have the browser forget it."""
        response.delete_cookie(self.name, path=self._path, secure=self._secure, httponly=True, samesite="lax")
