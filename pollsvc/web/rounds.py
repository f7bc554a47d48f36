"""`GET /api/v1/polls/{poll}/rounds`: the rounds of a ranked poll."""

from starlette.types import Receive, Scope, Send

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Kind
from pollsvc.services.rounds import Rounds
from pollsvc.services.snapshots import Body
from pollsvc.services.tallies import Tallies
from pollsvc.web.results import cached


class GetRounds:
    """The instant runoff and the Borda count; all is null where the results are hidden."""

    def __init__(self, tallies: Tallies, rounds: Rounds) -> None:
        self._tallies = tallies
        self._rounds = rounds

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        snapshot = await self._tallies.get(scope["path_params"]["poll"])
        if snapshot.poll.kind is not Kind.RANKED:
            raise PollError(Code.NOT_FOUND, "Only a ranked poll is counted in rounds.")
        if snapshot.public is None:
            nothing = dict.fromkeys(("version", "voters", "rounds", "winners", "borda"))
            body = Body.of({"id": snapshot.poll.id, **nothing})
        else:
            body = (await self._rounds.of(snapshot)).body
        await cached(scope, send, body.etag, lambda: body.json)
