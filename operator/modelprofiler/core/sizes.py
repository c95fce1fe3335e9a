"""The range that is searched where the profile gives none: from a floor up to what the machine has free."""

from __future__ import annotations

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.ranges import CpuRange, MemoryRange

CPU_FLOOR, CPU_STEP = Quantity("100m"), Quantity("50m")
"""Smallest CPU and step of a default range: round numbers, as people write them into manifests."""

MEMORY_FLOOR, MEMORY_STEP = Quantity("128Mi"), Quantity("32Mi")
"""Smallest memory of a default range and its smallest step: round numbers, as people write them into manifests."""

SIZES_A_DOUBLING = 8
"""Memory sizes between a size and twice that size: they are a sixteenth to an eighth apart, less than the default
margin of 20 %. Steps of equal width would be too coarse for a small model or too many for a large one: 128Mi to 24Gi
has 57 sizes instead of 765, and a server that runs out of memory at 18Gi is tried again at 20Gi, not at 18Gi + 32Mi."""


def cpu_up_to(most: int) -> CpuRange | None:
    """Return the CPU sizes up to `most` millicores; None where that is less than the floor."""
    if most < CPU_FLOOR.millicores:
        return None
    step = CPU_STEP.millicores
    return CpuRange(min=CPU_FLOOR, max=Quantity.cpu(most // step * step), step=CPU_STEP)


def memory_up_to(most: int) -> MemoryRange | None:
    """Return the memory sizes up to `most` bytes; None where that is less than the floor."""
    if most < MEMORY_FLOOR.bytes:
        return None
    sizes = [MEMORY_FLOOR.bytes]
    while (size := sizes[-1] + _memory_step(sizes[-1])) <= most:
        sizes.append(size)
    return MemoryRange(values=[Quantity.memory(size) for size in sizes])


def _memory_step(size: int) -> int:
    """Return the distance to the next size: an eighth of the largest power of two that is not above this size."""
    return max(MEMORY_STEP.bytes, (1 << (size.bit_length() - 1)) // SIZES_A_DOUBLING)


def whole_mebibytes(size: int) -> Quantity:
    """Return a size in bytes rounded down to whole mebibytes, for use in messages."""
    return Quantity.memory(max(0, size) // 2**20 * 2**20)
