"""The sizes that may be tried: an axis of CPU sizes in millicores, one of memory sizes in bytes, and a pair of both."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, overload

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.ranges import CpuRange, MemoryRange
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import Size

FINE = 0.01
"""A bracket narrower than this share of the size is closed, however small the steps: latency percentiles have
a relative error of 1 % (the buckets of the histogram), so a finer boundary would not be real."""

COARSE = 0.05
"""A bracket of two steps that is narrower than this share of the size is closed: the answer is within one step of the
boundary, and within half of the default margin of 10 %."""


MEBIBYTE = 2**20
"""Bytes of 1Mi."""


@dataclass(frozen=True, slots=True)
class Axis(Sequence[int]):
    """Ascending sizes of one resource: min, min+step, … and always max; or the values that the profile lists.

    A range is not expanded: an axis of a million sizes costs as much as one of ten.

    Attributes
    ----------
    values
        All sizes except the last one.
    last
        The largest size.
    """

    values: Sequence[int]
    last: int

    @classmethod
    def of(cls, values: Sequence[int]) -> Self:
        """Return the axis of these values, in any order."""
        ascending = sorted(set(values))
        return cls(tuple(ascending[:-1]), ascending[-1])

    @classmethod
    def between(cls, low: int, high: int, step: int) -> Self:
        """Return low, low+step, … below high, and high."""
        return cls(range(low, high, step), high)

    def __len__(self) -> int:
        return len(self.values) + 1

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[int, ...]: ...
    def __getitem__(self, index: int | slice) -> int | tuple[int, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(index)
        return self.last if position == len(self) - 1 else self.values[position]

    @property
    def first(self) -> int:
        """The smallest size."""
        return self[0]

    def position_of_ceil(self, size: float) -> int:
        """Return the position of the smallest size that is at least `size`; of the last one where none is."""
        return min(bisect_left(self, size), len(self) - 1)

    def position_of_floor(self, size: float) -> int:
        """Return the position of the largest size that is at most `size`; -1 where none is."""
        return bisect_right(self, size) - 1

    def ceil(self, size: float) -> int:
        """Return the smallest size that is at least `size`; the last one where none is."""
        return self[self.position_of_ceil(size)]

    def floor(self, size: float) -> int:
        """Return the largest size that is at most `size`; the first one where none is."""
        return self[max(self.position_of_floor(size), 0)]

    def next_lower(self, size: float) -> int | None:
        """Return the largest size below `size`, if there is one."""
        position = bisect_left(self, size)
        return self[position - 1] if position else None

    def next_higher(self, size: float) -> int | None:
        """Return the smallest size above `size`, if there is one."""
        position = bisect_right(self, size)
        return self[position] if position < len(self) else None


def cpu_axis(sizes: CpuRange) -> Axis:
    """Return the CPU sizes of a range, in millicores."""
    if sizes.values is not None:
        return Axis.of([value.millicores for value in sizes.values])
    assert sizes.min is not None
    assert sizes.max is not None
    assert sizes.step is not None
    return Axis.between(sizes.min.millicores, sizes.max.millicores, sizes.step.millicores)


def memory_axis(sizes: MemoryRange) -> Axis:
    """Return the memory sizes of a range, in bytes, each as `readable`."""
    if sizes.values is not None:
        return Axis.of([readable(value) for value in sizes.values])
    assert sizes.min is not None
    assert sizes.max is not None
    assert sizes.step is not None
    return Axis.between(readable(sizes.min), readable(sizes.max), readable(sizes.step))


def readable(size: Quantity) -> int:
    """Return a memory size in bytes, rounded up to whole Mi where it has a fraction of a byte.

    A pod takes whole bytes only, and nobody can read what 1.1Gi is in bytes, 1181116007.
    """
    return size.bytes if size.value == size.bytes else -(-size.bytes // MEBIBYTE) * MEBIBYTE


@dataclass(frozen=True, slots=True, order=True)
class Limits:
    """A size of the profiled container: its CPU and memory limits.

    Attributes
    ----------
    cpu
        In millicores.
    memory
        In bytes.
    """

    cpu: int
    memory: int

    @classmethod
    def from_size(cls, size: Size) -> Self:
        """Return the size of a trial.

        Raises
        ------
        ValueError
            When CPU or memory is missing; a trial always has both.
        """
        if size.cpu is None or size.memory is None:
            raise ValueError("the size of a trial has both cpu and memory")
        return cls(size.cpu.millicores, size.memory.bytes)

    @classmethod
    def ceiling(cls, resources: EffectiveResources) -> Self:
        """Return the ceiling of a range, at which the reference trial runs."""
        return cls(cpu_axis(resources.cpu).last, memory_axis(resources.memory).last)

    def to_size(self) -> Size:
        """Return the size in the form of the resource."""
        return Size(cpu=Quantity.cpu(self.cpu), memory=Quantity.memory(self.memory))

    def __str__(self) -> str:
        return f"{Quantity.cpu(self.cpu)} CPU and {Quantity.memory(self.memory)} memory"


def closed_steps(axis: Axis, high: int) -> int:
    """Return how many steps a failing size may be below the passing one at `high` for the bracket to be closed."""
    size = axis[high]
    fine = high - axis.position_of_ceil((1 - FINE) * size)
    coarse = 2 if high >= 2 and size - axis[high - 2] <= COARSE * size else 1
    return max(fine, coarse)


def is_closed(axis: Axis, low: int | None, high: int) -> bool:
    """Whether no size worth trying lies between a failing size and a passing one.

    `low` is None where no size is known to fail; the bracket is then closed at the first size of the axis.
    """
    top = axis.position_of_ceil(high)
    if low is None:
        return top == 0
    return top - axis.position_of_floor(low) <= closed_steps(axis, top)
