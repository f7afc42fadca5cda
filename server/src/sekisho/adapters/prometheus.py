"""Counts for Prometheus: its text format, and files through which workers share what they counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import msgspec

from sekisho.frozen import Frozen

#: (name of the family, value of each label ...) -> count. A histogram's last label is a bucket or `sum`.
Counts = defaultdict[tuple[str, ...], float]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[tuple[tuple[str, ...], float]]).decode


class Family(Frozen):
    """One metric: its name as Prometheus shows it, what it counts, and its labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()


def write_counts(file: Path, counts: Counts) -> None:
    """Replace the file by these counts; a reader sees the old ones or the new ones."""
    beside = file.with_suffix(".new")
    beside.write_bytes(_encode(list(counts.items())))
    beside.replace(file)


def read_counts(directory: Path, *, besides: Path) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every count that other workers left, those that have ended included: a counter never goes back."""
    for file in sorted(directory.glob("*.json")):
        if file != besides:
            with suppress(FileNotFoundError, msgspec.DecodeError):
                yield from _decode(file.read_bytes())


def exposition(families: Sequence[Family], counts: Counts) -> bytes:
    """The text format, version 0.0.4."""
    from prometheus_client import (  # noqa: PLC0415 - 40 ms that only a scrape is worth
        CollectorRegistry,
        generate_latest,
    )
    from prometheus_client.core import (  # noqa: PLC0415 - same
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    plain = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}

    class Collector:
        def collect(self) -> Iterator[Any]:
            for family in families:
                mine = sorted((key[1:], value) for key, value in counts.items() if key[0] == family.name)
                if family.kind == "histogram":
                    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
                    for labels in sorted({key[:-1] for key, _ in mine}):
                        found = {key[-1]: value for key, value in mine if key[:-1] == labels}
                        metric.add_metric(labels, _cumulative(family.buckets, found), found.get("sum", 0.0))
                else:
                    metric = plain[family.kind](family.name, family.help, labels=family.labels)
                    for labels, value in mine:
                        metric.add_metric(labels, value)
                yield metric

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    return generate_latest(registry)


def _cumulative(buckets: tuple[float, ...], found: dict[str, float]) -> list[tuple[str, float]]:
    total = 0.0
    rows: list[tuple[str, float]] = []
    for bound in (*map(repr, buckets), "+Inf"):
        total += found.get(bound, 0.0)
        rows.append((bound, total))
    return rows
