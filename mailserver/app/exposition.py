"""Series as text: what the library of Prometheus makes of them.

Source: the Prometheus text exposition format, version 0.0.4.
"""

from collections.abc import Iterable
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from mailserver.runtime.metrics import SECONDS, Series

PREFIX = "zegel_"


class _Told(Collector):
    """Series, put together by name."""

    def __init__(self, series: Iterable[Series]) -> None:
        self._series = list(series)

    def collect(self) -> Iterable[Metric]:
        """Return them as the library has them."""
        families: dict[str, Any] = {}
        kinds = {
            "counter": CounterMetricFamily,
            "gauge": GaugeMetricFamily,
            "histogram": HistogramMetricFamily,
        }
        for one in self._series:
            family = families.get(one.name)
            if family is None:
                names = [name for name, _ in one.labels]
                family = kinds[one.kind](PREFIX + one.name, one.help, labels=names)
                families[one.name] = family
            words = [word for _, word in one.labels]
            if isinstance(one.value, dict):
                family.add_metric(words, _buckets(one.value["counts"]), one.value["sum"])
            else:
                family.add_metric(words, one.value)
        return families.values()


def _buckets(counts: list[int]) -> list[tuple[str, float]]:
    """Add up the buckets, as the format has them."""
    found, total = [], 0
    for bound, count in zip((*SECONDS, "+Inf"), counts, strict=True):
        total += count
        found.append((str(bound), float(total)))
    return found


def exposition(series: Iterable[Series]) -> bytes:
    """Write series in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(series))
    return generate_latest(registry)
