"""`GET /metrics`, for Prometheus."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from starlette.types import Receive, Scope, Send

from pollsvc.domain.errors import Code, PollError
from pollsvc.services.fellows import Family, Fellows
from pollsvc.services.metrics import Metrics
from pollsvc.web.http import Addresses, Networks, header, is_in, respond


class GetMetrics:
    """Answers for all workers of this `serve`, to clients of these networks; to others, nothing is here.

    Each sample says its `worker`; what the database knows of all of them together has no such label.
    """

    def __init__(self, metrics: Metrics, fellows: Fellows, addresses: Addresses, allowed: Networks) -> None:
        self._metrics = metrics
        self._fellows = fellows
        self._addresses = addresses
        self._process = ProcessCollector(registry=None)
        self.allowed = allowed

    def families(self) -> list[Family]:
        """What this process knows of itself."""
        process = [
            Family(one.name, one.type, one.documentation, [(s.name, s.labels, s.value) for s in one.samples])
            for one in self._process.collect()
        ]
        return [*self._metrics.families(), *process]

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if not is_in(self._addresses.of(scope), self.allowed):
            raise PollError(Code.NOT_FOUND, "There is nothing here; check the address.")
        workers = await self._fellows.gather(self.families())
        registry = CollectorRegistry()
        registry.register(_Told(workers, await self._metrics.shared()))
        encode, content_type = choose_encoder(header(scope, b"accept") or "")
        headers = ((b"content-type", content_type.encode()), (b"cache-control", b"no-store"))
        await respond(send, 200, headers, encode(registry))


class _Told:
    """What workers told, as one collection."""

    def __init__(self, workers: Sequence[tuple[str, Sequence[Family]]], shared: Sequence[Family]) -> None:
        self._workers = workers
        self._shared = shared

    def collect(self) -> list[Metric]:
        up = Metric("pollsvc_worker_up", "Whether this worker told its numbers.", "gauge")
        metrics = {up.name: up}
        for worker, families in self._workers:
            up.add_sample(up.name, {"worker": worker}, float(bool(families)))
            for family in families:
                _add(metrics, family, {"worker": worker})
        for family in self._shared:
            _add(metrics, family, {})
        return list(metrics.values())


def _add(metrics: dict[str, Metric], family: Family, more: dict[str, str]) -> None:
    name, kind, text, samples = family
    metric = metrics.setdefault(name, Metric(name, text, kind))
    for sample, labels, value in samples:
        metric.add_sample(sample, {**labels, **more}, value)
