"""Responses over time, in at most 64 bins."""

from __future__ import annotations

import bisect
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

MAX_BINS = 64
"""Bins of a timeline: at 8 bytes each, an eighth of a termination message. Bins double in length when all are in use,
so that a longer load has 33 to 64 of them."""
LATEST = 1e11
"""Seconds since the epoch that no clock shows: 3,000 years from now."""
FULL_BIN = 0.999
"""Share of its length from which on a bin is full: without it, a note that comes a little early would be lost, and the
bin be as long as two."""

_START = struct.Struct("<d")
_BIN = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Timeline:
    """Responses counted at points in time.

    Attributes
    ----------
    edges
        Seconds since the epoch, increasing; one more than there are bins.
    counts
        Responses until each edge, the first 0.
    """

    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    def completed_until(self, t: float) -> float:
        """Return the responses until ``t``, interpolated between edges: none before the first, all after the last."""
        if not self.edges or t <= self.edges[0]:
            return 0.0
        if t >= self.edges[-1]:
            return float(self.counts[-1])
        i = bisect.bisect_right(self.edges, t)
        share = (t - self.edges[i - 1]) / (self.edges[i] - self.edges[i - 1])
        return self.counts[i - 1] + share * (self.counts[i] - self.counts[i - 1])

    def completed_between(self, t0: float, t1: float) -> float:
        """Return the responses between two times in seconds since the epoch, interpolated."""
        return self.completed_until(t1) - self.completed_until(t0)

    @classmethod
    def merged(cls, timelines: Sequence[Timeline]) -> Self:
        """Return the sum of several timelines, in at most 64 bins of equal length."""
        used = [t for t in timelines if t.edges]
        if not used:
            return cls()
        first, last = min(t.edges[0] for t in used), max(t.edges[-1] for t in used)
        edges = (*(first + (last - first) * i / MAX_BINS for i in range(MAX_BINS)), last)
        return cls(edges, tuple(round(sum(t.completed_until(e) for t in used)) for e in edges))

    def to_bytes(self) -> bytes:
        """Return the timeline as bytes: the first edge, then length in milliseconds and responses of each bin."""
        if not self.edges:
            return b""
        out = bytearray(_START.pack(self.edges[0]))
        milliseconds = [round((e - self.edges[0]) * 1000) for e in self.edges]
        for i in range(1, len(self.edges)):
            out += _BIN.pack(milliseconds[i] - milliseconds[i - 1], self.counts[i] - self.counts[i - 1])
        return bytes(out)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        ValueError, struct.error
            When the bytes are not a timeline.
        """
        if not data:
            return cls()
        (start,) = _START.unpack_from(data)
        if len(data) > _START.size + MAX_BINS * _BIN.size or not 0 <= start < LATEST:
            raise ValueError("not a timeline")
        edges, counts, elapsed = [start], [0], 0
        for length, count in _BIN.iter_unpack(data[_START.size :]):
            elapsed += length
            edges.append(start + elapsed / 1000)
            counts.append(counts[-1] + count)
        return cls(tuple(edges), tuple(counts))


class TimelineRecorder:
    """Collects a timeline. When there are more than 64 bins, neighbours are joined and bins become twice as long.

    Parameters
    ----------
    start
        First edge, in seconds of any clock.
    bin_seconds
        Length of a bin at first: a quarter of a second has a load of 16 s in its first 64 bins.
    """

    def __init__(self, start: float, bin_seconds: float = 0.25) -> None:
        self._edges = [start]
        self._counts = [0]
        self._bin = bin_seconds

    def observe(self, now: float, count: int, *, last: bool = False) -> None:
        """Note that there were ``count`` responses until ``now``; kept when a bin is full, or for the last time."""
        elapsed = now - self._edges[-1]
        if elapsed < self._bin * FULL_BIN and not (last and elapsed > 0):
            return
        self._edges.append(now)
        self._counts.append(count)
        if len(self._edges) > MAX_BINS + 1:
            # Every second edge, and always the newest, so that no responses are lost.
            keep = [*range(0, len(self._edges) - 1, 2), len(self._edges) - 1]
            self._edges = [self._edges[i] for i in keep]
            self._counts = [self._counts[i] for i in keep]
            self._bin *= 2

    def timeline(self, epoch_offset: float) -> Timeline:
        """Return the timeline so far, with ``epoch_offset`` added to each edge."""
        return Timeline(tuple(e + epoch_offset for e in self._edges), tuple(self._counts))
