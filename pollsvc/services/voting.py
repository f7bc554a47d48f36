"""A vote's way: reader, selection, admission, ballot writer."""

import asyncio
from collections.abc import Mapping
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

from msgspec import Struct

from pollsvc.domain.article import canonical_url
from pollsvc.domain.ballot import Ballot, Cast, Outcome
from pollsvc.domain.clock import Clock, minute_of
from pollsvc.domain.errors import Code, PollError, vote_not_recorded
from pollsvc.domain.poll import Policy, Poll, Site, State
from pollsvc.domain.selection import canonical, picked
from pollsvc.services.admission import Admission
from pollsvc.services.ballot_log.keys import SigningKey
from pollsvc.services.ballot_log.receipts import Signed
from pollsvc.services.ballot_writer import BallotWriter
from pollsvc.services.meters import VoteMeters
from pollsvc.services.networks import Networks
from pollsvc.services.proof_of_work import ProofOfWork
from pollsvc.services.readers import Reader, Readers, voter_of
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.tallies import Tallies
from pollsvc.services.vouching import not_vouched_for
from pollsvc.services.write_ins import WriteIns, holds_text, selection_of
from pollsvc.storage.ballot_log import leaves_with
from pollsvc.storage.ballots import find
from pollsvc.storage.database import Connection, busy_if_away


class VoteRequest(Struct):
    """A vote as it was sent; `selection` may still be anything that JSON can say.

    What is meant to be there is a list of option ids; one of them may be a text in the reader's own words.
    `proof` solves the challenge of an answer `proof_required`; empty, it says that the browser cannot.
    `assertion` is the site's word for its signed-in reader.
    """

    selection: object
    reader: str | None = None
    article: str | None = None
    idempotency_key: str | None = None
    proof: str | None = None
    assertion: str | None = None


class Vote(NamedTuple):
    """A vote that was recorded: its ballot and receipt (JSON), the reader, and the results that hold it."""

    new: bool
    ballot: Ballot
    receipt: str
    reader: Reader
    snapshot: Snapshot


class Voting:
    """Casts votes."""

    def __init__(
        self,
        readers: Readers,
        admission: Admission,
        networks: Networks,
        proofs: ProofOfWork,
        writer: BallotWriter,
        write_ins: WriteIns,
        tallies: Tallies,
        connection: Connection,
        key: SigningKey,
        clock: Clock,
        meters: VoteMeters,
    ) -> None:
        self._meters = meters
        self._readers = readers
        self._admission = admission
        self._networks = networks
        self._proofs = proofs
        self._writer = writer
        self._write_ins = write_ins
        self._tallies = tallies
        self._connection = connection
        self._key = key
        self._clock = clock

    async def cast(self, snapshot: Snapshot, request: VoteRequest, address: str) -> Vote:
        """Record a vote in the snapshot's poll, sent from a client's address; durable when this returns.

        Raises PollError: `bad_request`, `bad_reader_token`, `not_vouched_for`, `invalid_selection`,
        `poll_not_open`, `already_voted` (its details hold the standing vote), `proof_required` (its details
        hold a challenge), `slow_down`, `busy`.
        """
        began, poll = monotonic(), snapshot.poll
        if poll.purged:
            raise _not_open(snapshot)
        vouched = request.assertion is not None
        reader = self._reader(poll.site, request)
        voter = voter_of(poll, reader)
        if poll.write_in and holds_text(request.selection):
            selection = await self._own_words(snapshot, request.selection, voter, address)
        else:
            selection = canonical(poll, request.selection)
        if snapshot.state is not State.OPEN:
            return await self._repeat(snapshot, reader, voter, selection)
        article, minute = _placement(poll, request.article), minute_of(self._clock())
        ballot = Ballot.of(poll.id, voter, selection, minute, article=article, fresh=request.reader is None)
        network = self._networks.of(address)
        proof = self._proof(request.proof, poll.id, voter)
        admit = self._admission.applicant(poll, network, proof=proof, vouched=vouched)
        pace = partial(self._admission.change, poll, voter)
        cast = Cast(ballot, poll.allow_change, admit, pace)
        queued = self._writer.submit(cast)
        self._meters.admission.observe(monotonic() - began)
        (outcome, standing, wait), signed, committed = await queued
        if outcome is Outcome.CLOSED:
            raise _not_open(snapshot)
        if outcome is Outcome.TO_PROVE:
            challenge = await asyncio.to_thread(self._proofs.challenge, poll.id, voter, admit.effort)
            raise _to_prove(challenge)
        snapshot = self._tallies.settled(poll.id) or await self._tallies.settle(poll.id)
        if outcome is Outcome.REFUSED and standing is not None:
            raise already_voted(standing, snapshot)
        if outcome is Outcome.TOO_SOON:
            raise _too_soon(wait)
        if standing is None:
            raise PollError(Code.INVALID_SELECTION, "You have no vote here to withdraw; pick an option.")
        receipt = signed.receipt(standing) if signed else await self._receipt(standing)
        self._meters.answer.observe(monotonic() - committed)
        return Vote(outcome is Outcome.CREATED, standing, receipt, reader, snapshot)

    def _reader(self, site: Site, request: VoteRequest) -> Reader:
        """Who votes: whom the site vouches for, or where that is not needed, whoever has the token or key."""
        if request.assertion is not None:
            return self._readers.vouched(site, request.assertion, self._clock())
        if self._admission.policy_of(site) is Policy.STRICT:
            raise not_vouched_for()
        return self._readers.identify(site, request.reader, request.idempotency_key)

    def _proof(self, proof: str | None, poll: str, voter: str) -> bool | None:
        """Whether there is a good proof; None for a browser that cannot make one."""
        return None if proof == "" else proof is not None and self._proofs.proves(proof, poll, voter)

    async def _own_words(self, snapshot: Snapshot, picks: Any, voter: str, address: str) -> str:
        """The selection of a vote with a text in it; only a vote that can be recorded brings a new text."""
        poll = snapshot.poll
        written = await self._write_ins.read(poll, picks)
        option = written.option
        if option is None:
            if snapshot.state is not State.OPEN:
                raise _not_open(snapshot)
            standing = None if poll.allow_change else await self._find(poll, voter)
            if standing is not None:
                raise already_voted(standing, snapshot)
            option = await self._write_ins.add(poll, written, address)
        return selection_of(poll, written, option)

    async def _repeat(self, snapshot: Snapshot, reader: Reader, voter: str, selection: str) -> Vote:
        """In a poll that is not open, the same vote again still gets its receipt: its answer may be lost."""
        standing = await self._find(snapshot.poll, voter)
        if standing is None or standing.selection != selection:
            raise _not_open(snapshot)
        return Vote(False, standing, await self._receipt(standing), reader, snapshot)

    async def _receipt(self, ballot: Ballot) -> str:
        """The receipt that the ballot had when it was recorded."""
        with busy_if_away(vote_not_recorded):
            leaves = await leaves_with(self._connection, ballot)
        return Signed(leaves, self._key).receipt(ballot)

    async def _find(self, poll: Poll, voter: str) -> Ballot | None:
        with busy_if_away(vote_not_recorded):
            return await find(self._connection, poll.id, voter)


def already_voted(standing: Ballot, snapshot: Snapshot) -> PollError:
    """The answer to a different vote where a vote is final; it shows the reader the vote that stands."""
    return PollError(
        Code.ALREADY_VOTED,
        "You have voted in this poll already, and a vote in it cannot be changed.",
        details={
            "selection": picked(standing.selection),
            "results": snapshot.voted,
            "results_url": snapshot.results_url,
        },
    )


def _to_prove(challenge: Mapping[str, object]) -> PollError:
    return PollError(
        Code.PROOF_REQUIRED,
        "Many votes come from this network; solve the challenge, then send the vote again with the same "
        '"reader" or "idempotency_key", and the solution as "proof".',
        details={"challenge": challenge},
    )


def _too_soon(wait: float) -> PollError:
    return PollError(
        Code.SLOW_DOWN,
        "You have changed this vote many times; your last one stands. Wait, then send the new one again.",
        retry_after=int(wait) + 1,
        details={"reason": "many_changes"},
    )


def _not_open(snapshot: Snapshot) -> PollError:
    when = "not open yet" if snapshot.state is State.SCHEDULED else "closed"
    return PollError(
        Code.POLL_NOT_OPEN,
        f"This poll is {when}; nothing was recorded.",
        details=None if snapshot.state is State.SCHEDULED else {"reason": "closed"},
    )


def _placement(poll: Poll, article: str | None) -> int:
    """The number of an article within the poll; 0 for one that the poll is not placed on."""
    if article is None or not poll.placements:
        return 0
    url = article if article in poll.placements else canonical_url(article)
    return poll.placements.get(url, 0) if url else 0
