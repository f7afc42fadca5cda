"""What the server counts. A count is one addition to a dictionary; Prometheus' format is made when asked for.

Several workers answer on one port and a scrape reaches one of them, so each leaves its counts in a shared
directory within a second, and whoever is asked adds them up.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from sekisho.adapters.prometheus import Counts, Family, exposition, read_counts, write_counts

REQUESTS: Final = Family(
    "sekisho_requests_total", "counter", "Requests answered.", ("method", "route", "status")
)
DURATION: Final = Family(
    "sekisho_request_duration_seconds",
    "histogram",
    "Seconds from the first byte of a request to the last of its answer.",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
REFUSALS: Final = Family("sekisho_refusals_total", "counter", "Refusals, by stable code.", ("route", "code"))
LOGINS: Final = Family("sekisho_logins_total", "counter", "Logins, by result: ok or the code.", ("result",))
REFRESHES: Final = Family(
    "sekisho_refreshes_total", "counter", "Refreshes, by verdict or the code of the refusal.", ("verdict",)
)
REVOCATIONS: Final = Family(
    "sekisho_revocations_total", "counter", "Requests that ended sessions, by reason.", ("why",)
)
SESSION_LOOKUPS: Final = Family(
    "sekisho_session_lookups_total",
    "counter",
    "Checks of a session cookie, by where they were answered: process, shared (Redis) or database.",
    ("source",),
)
HASH_QUEUE: Final = Family(
    "sekisho_password_hash_queue",
    "gauge",
    "Password hashes waiting or being made in the worker that answers.",
    (),
)
KEYS_AGE: Final = Family(
    "sekisho_signing_keys_age_seconds",
    "gauge",
    "Seconds since the worker that answers last read the signing keys.",
    (),
)
FEED_STREAMS: Final = Family(
    "sekisho_feed_streams", "gauge", "Revocation streams open in the worker that answers.", ()
)
FEED_ENTRIES: Final = Family(
    "sekisho_feed_entries", "gauge", "Revocations that a snapshot of the worker that answers would hold.", ()
)
FEED_HEAD: Final = Family(
    "sekisho_feed_head", "gauge", "The last number of the feed that the worker that answers has read.", ()
)
FEED_AGE: Final = Family(
    "sekisho_feed_age_seconds",
    "gauge",
    "Seconds since the database was last read for the feed, in the worker that answers.",
    (),
)
FEED_FRAMES: Final = Family(
    "sekisho_feed_frames_total", "counter", "Frames of revocations sealed, each once for all streams.", ()
)
FAMILIES: Final = (
    REQUESTS,
    DURATION,
    REFUSALS,
    LOGINS,
    REFRESHES,
    REVOCATIONS,
    SESSION_LOOKUPS,
    HASH_QUEUE,
    KEYS_AGE,
    FEED_STREAMS,
    FEED_ENTRIES,
    FEED_HEAD,
    FEED_AGE,
    FEED_FRAMES,
)

#: Seconds that a worker's counts may be behind for the other workers.
SHARE_AFTER: Final = 1.0


class FeedState(Protocol):
    """What there is to count of the revocation feed, each as its metric says."""

    @property
    def streams(self) -> int: ...  # noqa: D102 -- its metric says it
    @property
    def entries(self) -> int: ...  # noqa: D102 -- same
    @property
    def head(self) -> int: ...  # noqa: D102 -- same
    @property
    def age(self) -> float: ...  # noqa: D102 -- same


class Metrics:
    """The counts of one process.

    Args:
        worker: names this process among those that share `directory`.
        directory: where workers leave their counts; none where there is a single one.
        hash_queue: how many password hashes are waiting or being made.
        keys_age: seconds since the signing keys were read.
    """

    def __init__(
        self,
        *,
        worker: str = "",
        directory: Path | None = None,
        hash_queue: Callable[[], float] | None = None,
        keys_age: Callable[[], float] | None = None,
    ) -> None:
        self._counts: Counts = defaultdict(float)
        self._file = directory / f"{worker}.json" if directory else None
        self._sharing = False
        gauges = {HASH_QUEUE: hash_queue, KEYS_AGE: keys_age}
        self._gauges = {family: read for family, read in gauges.items() if read is not None}

    def watch(self, feed: FeedState) -> None:
        """Show how the revocation feed of this process stands whenever somebody looks."""
        self._gauges |= {
            FEED_STREAMS: lambda: feed.streams,
            FEED_ENTRIES: lambda: feed.entries,
            FEED_HEAD: lambda: feed.head,
            FEED_AGE: lambda: feed.age,
        }

    def count(self, family: Family, *labels: str) -> None:
        """Add one."""
        self._counts[(family.name, *labels)] += 1.0

    def request(self, method: str, route: str, status: str, seconds: float) -> None:
        """Count a request and how long it took."""
        counts = self._counts
        counts[(REQUESTS.name, method, route, status)] += 1.0
        position = bisect_left(DURATION.buckets, seconds)
        bucket = repr(DURATION.buckets[position]) if position < len(DURATION.buckets) else "+Inf"
        counts[(DURATION.name, route, bucket)] += 1.0
        counts[(DURATION.name, route, "sum")] += seconds
        if self._file is not None and not self._sharing:
            self._sharing = True
            asyncio.get_running_loop().call_later(SHARE_AFTER, self.share)

    def answered(self, route: str) -> bool:
        """Whether a GET of that route was answered with 200, by any worker, since the server started."""
        key = (REQUESTS.name, "GET", route, "200")
        if self._counts.get(key):
            return True
        others = read_counts(self._file.parent, besides=self._file) if self._file is not None else ()
        return any(found == key for found, _ in others)

    def share(self) -> None:
        """Leave the counts where the other workers find them."""
        self._sharing = False
        if self._file is not None:
            write_counts(self._file, self._counts)

    def text(self) -> bytes:
        """Everything, of all workers, in the text format of Prometheus.

        A gauge is the answering worker's own: what one that has ended left behind would never go away.
        """
        total = self._counts.copy()
        for family, read in self._gauges.items():
            total[(family.name,)] = read()
        if self._file is not None:
            for key, value in read_counts(self._file.parent, besides=self._file):
                total[key] += value
        return exposition(FAMILIES, total)
