"""The range that is searched where the user names none: from a floor up to what is left. Pure."""

from __future__ import annotations

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import CpuRange, MemoryRange

CPU_FLOOR, CPU_STEP = Quantity("100m"), Quantity("50m")
MEMORY_FLOOR, MEMORY_STEP = Quantity("128Mi"), Quantity("32Mi")


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
    step = MEMORY_STEP.bytes
    return MemoryRange(min=MEMORY_FLOOR, max=Quantity.memory(most // step * step), step=MEMORY_STEP)


def whole_mebibytes(size: int) -> Quantity:
    """Return a size in bytes rounded down to whole mebibytes, as sentences say it."""
    return Quantity.memory(max(0, size) // 2**20 * 2**20)
