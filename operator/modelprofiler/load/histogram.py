"""A histogram of positive numbers whose quantiles are within 1 % of the exact ones, and which is small as bytes.

Buckets grow geometrically: bucket ``i`` holds ``gamma**(i-1) < value <= gamma**i`` and stands for the value whose
relative distance to both ends is the same, ``2 gamma**i / (gamma + 1)`` (DDSketch: Masson, Rim, Lee, 2019, section 2).
With ``gamma = 1.02`` no value of a bucket is further than ``(gamma - 1) / (gamma + 1) = 0.99 %`` from it. Count, sum,
smallest and largest value are exact.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Self

GAMMA = 1.02
"""Ratio of a bucket's ends: with 1.02 a quantile is off by 0.99 % at most, which is less than its interval is wide."""
_PER_LOG = 1 / math.log(GAMMA)
_SMALLEST = 1e-9
"""Smaller values count as this, one nanosecond: two readings of the clock may be equal, and zero has no logarithm."""

_HEADER = struct.Struct("<Bddd")
_INDEX_BEFORE_FIRST = -(1 << 20)
"""Below every index (a nanosecond is in bucket -1,046), so that the first gap is positive as a varint must be."""


MAX_BUCKETS = 4096
"""Buckets that are read: one nanosecond to a year takes 1,960."""
_MAX_INDEX = 4096
"""Largest bucket, up or down, that is read: 1.02 to this power is a number with 35 digits."""
_MAX_LEVEL = 12
"""Coarsest level that is read: ten leave a single bucket."""
_MAX_BITS = 56
"""Bits of a number that is read: no load counts further than that."""


class Histogram:
    """Counts of positive numbers in logarithmic buckets.

    Parameters
    ----------
    level
        How many times neighbouring buckets were joined to save space. Each time squares gamma, and about doubles the
        error.
    """

    __slots__ = ("counts", "level", "max", "min", "n", "sum")

    def __init__(self, level: int = 0) -> None:
        self.level = level
        self.counts: dict[int, int] = {}
        self.n = 0
        self.sum = 0.0
        self.max = 0.0
        self.min = math.inf

    def record(self, value: float) -> None:
        """Count one value; only for histograms of level 0."""
        if value < _SMALLEST:
            value = _SMALLEST
        index = math.ceil(math.log(value) * _PER_LOG)
        counts = self.counts
        counts[index] = counts.get(index, 0) + 1
        self.n += 1
        self.sum += value
        if value > self.max:
            self.max = value
        if value < self.min:
            self.min = value

    def record_all(self, values: Sequence[float]) -> None:
        """Count values, as `record` does each; only for histograms of level 0."""
        smallest = min(values)
        if smallest < _SMALLEST:
            values = [max(value, _SMALLEST) for value in values]
            smallest = _SMALLEST
        counts, per_log, log, ceil = self.counts, _PER_LOG, math.log, math.ceil
        for index, count in Counter([ceil(log(value) * per_log) for value in values]).items():
            counts[index] = counts.get(index, 0) + count
        self.n += len(values)
        self.sum += sum(values)
        self.max = max(self.max, max(values))
        self.min = min(self.min, smallest)

    def merge(self, other: Histogram) -> None:
        """Add the counts of ``other``; the result has the coarser of both levels."""
        if other.level > self.level:
            self._join(other.level - self.level)
        shift = self.level - other.level
        counts = self.counts
        for index, count in other.counts.items():
            joined = -(-index >> shift)  # ceil(index / 2**shift)
            counts[joined] = counts.get(joined, 0) + count
        self.n += other.n
        self.sum += other.sum
        self.max = max(self.max, other.max)
        self.min = min(self.min, other.min)

    def _join(self, times: int) -> None:
        joined: dict[int, int] = {}
        for index, count in self.counts.items():
            to = -(-index >> times)
            joined[to] = joined.get(to, 0) + count
        self.counts = joined
        self.level += times

    def coarser(self) -> Histogram:
        """Return the same counts with neighbouring buckets joined in pairs."""
        result = Histogram(self.level + 1)
        result.merge(self)
        return result

    @property
    def relative_error(self) -> float:
        """Largest difference between a quantile and the exact one, as a share of the exact one."""
        gamma = float(GAMMA ** (1 << self.level))
        return (gamma - 1) / (gamma + 1)

    @property
    def mean(self) -> float | None:
        """The exact mean; None when nothing was counted."""
        return self.sum / self.n if self.n else None

    def quantile(self, q: float) -> float | None:
        """Return the value at rank ``ceil(q n)`` of the sorted values, within `relative_error`; None when empty."""
        return self.at_rank(math.ceil(q * self.n - 1e-9)) if self.n else None

    def at_rank(self, rank: int) -> float:
        """Return the ``rank``-th smallest value, from 1, within `relative_error`; a rank beyond an end is that end."""
        if rank >= self.n:
            return self.max
        if rank <= 1:
            return self.min
        gamma = GAMMA ** (1 << self.level)
        seen = 0
        for index in sorted(self.counts):
            seen += self.counts[index]
            if seen >= rank:
                return min(max(2 * gamma**index / (gamma + 1), self.min), self.max)
        return self.max

    def count_above(self, value: float) -> int:
        """Return the number of values in buckets above that of ``value``."""
        index = -(-math.ceil(math.log(max(value, _SMALLEST)) * _PER_LOG) >> self.level)
        return sum(count for i, count in self.counts.items() if i > index)

    def to_bytes(self) -> bytes:
        """Return the histogram as bytes: level, sum, min, max, then (gap to the bucket before, count) as varints."""
        out = bytearray(_HEADER.pack(self.level, self.sum, self.min, self.max))
        _put_varint(out, len(self.counts))
        before = _INDEX_BEFORE_FIRST
        for index in sorted(self.counts):
            _put_varint(out, index - before)
            _put_varint(out, self.counts[index])
            before = index
        return bytes(out)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        ValueError
            When the bytes are not a histogram.
        """
        try:
            level, total, smallest, largest = _HEADER.unpack_from(data)
            numbers = _varints(data[_HEADER.size :])
            buckets = next(numbers)
            if level > _MAX_LEVEL or buckets > MAX_BUCKETS:
                raise ValueError("a histogram with too many buckets")
            histogram = cls(level)
            index = _INDEX_BEFORE_FIRST
            for _ in range(buckets):
                index += next(numbers)
                histogram.counts[index] = next(numbers)
        except (struct.error, StopIteration) as e:
            raise ValueError("not a histogram") from e
        if not buckets:
            return histogram
        if any(abs(index << level) > _MAX_INDEX + (1 << level) for index in histogram.counts):
            raise ValueError("a histogram of values that no load measures")
        if not (0 <= smallest <= largest < math.inf and 0 <= total < math.inf):
            raise ValueError("a histogram whose sum, smallest or largest value is no number")
        histogram.sum, histogram.min, histogram.max = total, smallest, largest
        histogram.n = sum(histogram.counts.values())
        return histogram

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]


def _put_varint(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _varints(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        if shift > _MAX_BITS:
            raise ValueError("a number that is too large")
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
