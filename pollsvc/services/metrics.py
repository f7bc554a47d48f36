"""The state of a process in numbers, as Prometheus has them; put together only when they are asked for."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

from pollsvc.services.ballot_writer import BallotWriter
from pollsvc.services.fellows import Family
from pollsvc.services.live_hub import LiveHub
from pollsvc.services.meters import Histogram, VoteMeters
from pollsvc.services.tallies import Tallies
from pollsvc.storage.backlog import backlog
from pollsvc.storage.database import Connection
from pollsvc.storage.health import folder_of, free_bytes

BEAT = 0.5
"""Seconds between two looks at how late the event loop is."""
_LIMIT = 1.0  # seconds in which the database is to say what waits in it


class Metrics:
    """The numbers of one process. `answers` are HTTP answers by status, for whoever sends them to add to."""

    def __init__(
        self,
        votes: VoteMeters,
        writer: BallotWriter,
        hub: LiveHub,
        tallies: Tallies,
        connection: Connection,
        url: str,
    ) -> None:
        self.answers: Counter[int] = Counter()
        self.streams_refused = Counter(process=0, network=0)
        self._votes = votes
        self._writer = writer
        self._hub = hub
        self._tallies = tallies
        self._connection = connection
        self._folder = folder_of(url)
        self._lateness = Histogram()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._beat(), name="lateness")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def families(self) -> list[Family]:
        """What this process knows by itself."""
        votes, writer, hub, tallies = self._votes, self._writer, self._hub, self._tallies
        stages = {stage: getattr(votes, stage) for stage in VoteMeters.STAGES}
        outcomes = {str(outcome): count for outcome, count in votes.outcomes.items()}
        answers = {str(status): count for status, count in self.answers.items()}
        return [
            _histogram(
                "pollsvc_vote_stage_seconds",
                "How long votes took on each stage of their way.",
                "stage",
                stages,
            ),
            _histogram(
                "pollsvc_vote_batch_size", "How many votes were written at once.", "", {"": votes.batches}
            ),
            _counter("pollsvc_votes", "What became of votes that reached the queue.", "outcome", outcomes),
            _gauge("pollsvc_vote_queue_depth", "Votes that wait to be written.", len(writer)),
            _gauge(
                "pollsvc_vote_queue_limit", "How many may wait before 503 is answered.", writer.queue_limit
            ),
            _gauge("pollsvc_vote_writer_up", "Whether votes are being written.", not writer.fault),
            _gauge(
                "pollsvc_log_seal_age_seconds",
                "Since this process last found nothing to seal, or sealed it.",
                writer.seal_age,
            ),
            _gauge("pollsvc_live_streams", "Live streams that are open.", len(hub)),
            _counter("pollsvc_live_frames", "Frames handed to live streams.", "", {"": hub.frames}),
            _counter(
                "pollsvc_live_streams_dropped",
                "Live streams that were ended since they took nothing.",
                "",
                {"": hub.dropped},
            ),
            _counter(
                "pollsvc_live_streams_refused",
                "Live streams beyond a limit: of the process, or of a network.",
                "limit",
                self.streams_refused,
            ),
            _gauge("pollsvc_snapshots", "Polls whose results are held in memory.", len(tallies)),
            _counter("pollsvc_snapshots_rendered", "Results rendered anew.", "", {"": tallies.rendered}),
            _counter(
                "pollsvc_polls_loaded", "Polls read from the database into memory.", "", {"": tallies.loaded}
            ),
            _counter("pollsvc_http_answers", "HTTP answers by status.", "status", answers),
            _histogram(
                "pollsvc_loop_lateness_seconds",
                f"How late the event loop was, looked at each {BEAT} s.",
                "",
                {"": self._lateness},
            ),
        ]

    async def shared(self) -> list[Family]:
        """What the database knows of all processes; nothing when it does not answer."""
        found = []
        with suppress(Exception):
            async with asyncio.timeout(_LIMIT):
                waiting = await backlog(self._connection, int(time.time()))
            found = [
                _gauge(
                    "pollsvc_log_unsealed", "Batches of the log that wait to be sealed.", waiting.unsealed
                ),
                _gauge("pollsvc_outbox_due", "Messages of webhooks that are due.", waiting.due),
                _gauge("pollsvc_outbox_age_seconds", "Since when the oldest of them is due.", waiting.age),
            ]
        if self._folder:
            text = "What is free where the SQLite file is."
            found.append(_gauge("pollsvc_disk_free_bytes", text, free_bytes(self._folder)))
        return found

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + BEAT
            await asyncio.sleep(BEAT)
            self._lateness.observe(max(loop.time() - due, 0.0))


def _gauge(name: str, text: str, value: float) -> Family:
    return Family(name, "gauge", text, [(name, {}, float(value))])


def _counter(name: str, text: str, label: str, values: Mapping[str, int]) -> Family:
    """A counter of each value of a label; without one, the value of ""."""
    samples = [
        (f"{name}_total", {label: value} if label else {}, float(count)) for value, count in values.items()
    ]
    return Family(name, "counter", text, samples)


def _histogram(name: str, text: str, label: str, values: Mapping[str, Histogram]) -> Family:
    """The same of histograms, whose buckets Prometheus wants summed up from the first."""
    samples: list[tuple[str, dict[str, str], float]] = []
    for value, one in values.items():
        labels = {label: value} if label else {}
        count = 0
        for bound, more in zip((*map(str, one.bounds), "+Inf"), one.counts, strict=True):
            count += more
            samples.append((f"{name}_bucket", {**labels, "le": bound}, float(count)))
        samples += [(f"{name}_count", labels, float(count)), (f"{name}_sum", labels, one.sum)]
    return Family(name, "histogram", text, samples)
