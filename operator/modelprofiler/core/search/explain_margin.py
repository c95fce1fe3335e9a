"""What an explanation says of the margin between a boundary and the size that is recommended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from modelprofiler.api.quantities import Quantity
from modelprofiler.core.axis import Axis
from modelprofiler.core.search.claims import Claim, Kind
from modelprofiler.core.search.margin import is_coarse, with_margin

Show: TypeAlias = Callable[[int], str]
"""Writes a size with its unit."""


def margin_claims(base: int, percent: int, axis: Axis, size: int, show: Show, makes: Show | None = None) -> list[Claim]:
    """Return a clause about the margin between a boundary and the recommended size; none where none was added.

    Parameters
    ----------
    base, percent, axis, size
        The boundary, the margin, the sizes of the range, and what is recommended.
    show, makes
        How a size of the range is written, and the boundary with its margin, which may lie between two of them.
    """
    if not percent:
        return []
    if base >= axis.last:
        text = f"; {show(axis.last)} is the ceiling of the range, so no margin is added"
        return [Claim(Kind.AT_CEILING, text, size=base)]
    needed = with_margin(base, percent)
    if needed > axis.last:
        text = f"; a margin of {percent}% does not fit into the range"
        if size == axis.last:
            text += ", so the largest size is recommended"
        return [Claim(Kind.BEYOND, text, size=base, value=percent)]
    above = percent_above(base, size)
    if size == base:
        return [Claim(Kind.NO_MARGIN, f"; the margin of {percent}% is not added", size=base, value=percent)]
    if size != axis.ceil(needed):
        text = f"; {show(size)} is {above}% larger, less than the margin of {percent}%"
        return [Claim(Kind.LARGER, text, size=base, value=above)] if size < needed else []
    text = f"; a margin of {percent}% is added"
    if is_coarse(base, percent, size):
        text = f"; a margin of {percent}% leads to {(makes or show)(needed)}, and the next size is {show(size)}"
        text = f"{text}, {above}% larger"
    elif above != percent:
        text += f", and {show(size)}, the next size of the range, is {above}% larger"
    return [Claim(Kind.MARGIN, text, size=base, value=percent)]


def percent_above(base: int, size: int) -> int:
    """Return by how many percent a size exceeds another one."""
    return round(100 * (size - base) / base)


def cpu_size(size: int) -> str:
    """Return a size of CPU as it is written."""
    return str(Quantity.cpu(size))


def memory_size(size: int) -> str:
    """Return a size of the range of memory as it is written."""
    return str(Quantity.memory(size))


def mebibytes(size: int) -> str:
    """Return memory that was measured or computed, rounded up."""
    return f"{-(-size // 2**20)}Mi"
