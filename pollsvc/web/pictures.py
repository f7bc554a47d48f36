"""`GET /p/{poll}/card.png` and `GET /p/{poll}/results.svg`: a poll's result as a picture, for other pages."""

from functools import partial

from starlette.types import Receive, Scope, Send

from pollsvc.services.pictures.card import draw_card
from pollsvc.services.pictures.drawing import ROW, SIDE, WIDTH, lay_out
from pollsvc.services.pictures.facts import Facts
from pollsvc.services.pictures.palette import PALETTES, Theme
from pollsvc.services.pictures.pictures import Drawers, Look, Pictures
from pollsvc.services.pictures.typeface import Typeface
from pollsvc.services.tallies import Tallies
from pollsvc.web.environment import environment
from pollsvc.web.history import CACHE_CONTROL
from pollsvc.web.http import not_modified, respond
from pollsvc.web.results import parse_query, wanted_lang
from pollsvc.web.widget import static_folder

_HEADERS = (
    (b"cache-control", CACHE_CONTROL.encode()),
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    (b"x-content-type-options", b"nosniff"),
)
_TYPES = {Look.DRAWING: b"image/svg+xml"}


def drawers() -> Drawers:
    """What draws each sort of picture, with one font for all."""
    typeface, templates = Typeface(static_folder() / "fonts"), environment()

    def svg(facts: Facts) -> bytes:
        template = templates.get_template("picture/results.svg")
        colours = {theme.value: PALETTES[theme] for theme in Theme}
        drawing = lay_out(facts, typeface)
        return template.render(drawing=drawing, width=WIDTH, side=SIDE, row=ROW, **colours).encode()

    return {
        Look.LIGHT: partial(draw_card, typeface=typeface, theme=Theme.LIGHT),
        Look.DARK: partial(draw_card, typeface=typeface, theme=Theme.DARK),
        Look.DRAWING: svg,
    }


class GetPicture:
    """A picture of a published poll; `look` is that of the address, and a card can be asked for in dark."""

    def __init__(self, tallies: Tallies, pictures: Pictures, look: Look) -> None:
        self._tallies = tallies
        self._pictures = pictures
        self._look = look

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        query = parse_query(scope["query_string"])
        look = self._look
        if look is Look.LIGHT and query.get("theme", [""])[0] == Theme.DARK:
            look = Look.DARK
        snapshot = await self._tallies.get(scope["path_params"]["poll"])
        picture = await self._pictures.of(snapshot, snapshot.langs(wanted_lang(query)), look)
        headers = [*_HEADERS, (b"etag", picture.etag.encode())]
        if not await not_modified(scope, send, headers, picture.etag):
            headers.append((b"content-type", _TYPES.get(look, b"image/png")))
            await respond(send, 200, headers, picture.content)
