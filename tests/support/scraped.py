"""What `/metrics` says, read by Prometheus's own parser."""

from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from tests.support.reader import Http


class Scrape(NamedTuple):
    """The samples of one scrape: (name, labels, value)."""

    samples: list[tuple[str, Mapping[str, str], float]]

    @property
    def names(self) -> set[str]:
        """The names of all samples."""
        return {name for name, _, _ in self.samples}

    def sum(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels. Raises AssertionError when there are none."""
        found = [
            value for one, has, value in self.samples if one == name and labels.items() <= dict(has).items()
        ]
        assert found, f"no {name} with {labels}"
        return sum(found)


async def scrape(http: Http) -> Scrape:
    """Ask for the metrics."""
    answer = await http.get("/metrics")
    assert answer.status == 200, answer
    families = text_string_to_metric_families(answer.body.decode())
    return Scrape([(one.name, one.labels, one.value) for family in families for one in family.samples])
