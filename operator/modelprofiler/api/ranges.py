"""The range of CPU and memory sizes that a run searches."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from modelprofiler.api.model import ApiModel
from modelprofiler.api.quantities import Quantity

RANGE_SHAPE = "either values, or all of min, max and step must be set"
RANGE_ORDER = "min must not be greater than max"

SMALLEST_CPU = "10m"
"""Linux grants CPU in units of 1 ms of each 100 ms, and takes no less: the smallest quota of CFS bandwidth control."""

LARGEST_CPU = "512"
"""More than a container is given anywhere today; anyone who writes 1000 means 1000m, which is one CPU."""

SMALLEST_MEMORY = "1Mi"
"""No process that answers requests lives in less. Anyone who writes 256m (0.256 bytes) or 256 (bytes) means 256Mi."""

LARGEST_MEMORY = "64Ti"
"""Twice the largest machine of today; 1E is 10^18 bytes."""

CPU_BOUNDS = f"every size must be from {SMALLEST_CPU} to {LARGEST_CPU} CPU (1000m is one CPU)"
MEMORY_BOUNDS = (
    f"every size must be from {SMALLEST_MEMORY} to {LARGEST_MEMORY} of memory "
    "(m is a thousandth of a byte, and no unit means bytes)"
)

CPU_TEXTS = "v.endsWith('m') && v.size() <= 2 || (v.endsWith('Mi') || v.endsWith('Gi')) && v.size() <= 6"
"""Texts that are out of bounds whatever their digits are: 9m is less than 10m, and .001Mi is more than 512."""

MEMORY_TEXTS = "v.endsWith('m') && v.size() <= 10"
"""Texts that are out of bounds whatever their digits are: 999999999m is less than 1Mi, which is 1048576000m."""


def _range_rules(
    step_at_least: str, smallest: str, largest: str, bounds: str, texts: str
) -> tuple[tuple[str, str], ...]:
    all_three = "has(self.min) && has(self.max) && has(self.step)"

    def at_least(size: str) -> str:
        return f"quantity(string({size})).compareTo(quantity('{smallest}')) >= 0"

    def at_most(size: str) -> str:
        return f"quantity(string({size})).compareTo(quantity('{largest}')) <= 0"

    return (
        (
            f"has(self.values) ? !has(self.min) && !has(self.max) && !has(self.step) : {all_three}",
            RANGE_SHAPE,
        ),
        (
            (
                "!(has(self.min) && has(self.max))"
                " || quantity(string(self.min)).compareTo(quantity(string(self.max))) <= 0"
            ),
            RANGE_ORDER,
        ),
        (
            f"!has(self.step) || quantity(string(self.step)).compareTo(quantity('{step_at_least}')) >= 0",
            f"step must be at least {step_at_least}",
        ),
        (
            (
                f"(!has(self.min) || {at_least('self.min')} && {at_most('self.min')})"
                f" && (!has(self.max) || {at_least('self.max')} && {at_most('self.max')})"
            ),
            bounds,
        ),
        (f"!has(self.values) || self.values.all(v, {_is_listed_within(smallest, largest, texts)})", bounds),
    )


def _is_listed_within(smallest: str, largest: str, too_small_or_large: str) -> str:
    """Return the rule of each size of a list, `v`, as far as the API server can check it.

    Until 1.34 it reckons with texts as long as a request, and refuses a rule that reads all of each of 256 texts. How
    long a text is and how it ends costs nothing; Python checks the rest.

    Parameters
    ----------
    smallest, largest
        The bounds.
    too_small_or_large
        Of which texts this is known by their length and their end.
    """
    low, high = math.ceil(Quantity(smallest).value), math.floor(Quantity(largest).value)
    return f"type(v) == int ? int(v) >= {low} && int(v) <= {high} : !({too_small_or_large})"


class _Range(ApiModel):
    """The sizes that may be tried: min, max and step, or a list of values."""

    min: Quantity | None = None
    """The smallest size."""
    max: Quantity | None = None
    """The largest size. The reference trial runs at this size."""
    step: Quantity | None = None
    """The distance between neighbouring sizes."""
    values: Annotated[list[Quantity] | None, Field(min_length=1, max_length=256)] = None
    """A list of sizes, instead of min, max and step."""

    smallest_step: ClassVar[str]
    smallest: ClassVar[str]
    largest: ClassVar[str]
    bounds: ClassVar[str]

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        bounds = (self.min, self.max, self.step)
        if any(b is not None for b in bounds) if self.values is not None else any(b is None for b in bounds):
            raise ValueError(RANGE_SHAPE)
        problems = []
        if self.min is not None and self.max is not None and self.min > self.max:
            problems.append(RANGE_ORDER)
        if self.step is not None and self.step < Quantity(self.smallest_step):
            problems.append(f"step must be at least {self.smallest_step}")
        if outside := self._sizes_out_of_bounds():
            problems.append(f"{self.bounds}: {', '.join(outside)}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _sizes_out_of_bounds(self) -> list[str]:
        """Return for each size that nobody means what it is, and what may be meant."""
        named = [("min", self.min), ("max", self.max)]
        named += [(f"values[{number}]", value) for number, value in enumerate(self.values or ())]
        low, high = Quantity(self.smallest), Quantity(self.largest)
        return [
            f"{name} is {value}{self.remark(value)}"
            for name, value in named
            if value is not None and not low <= value <= high
        ]

    @staticmethod
    def remark(value: Quantity) -> str:
        """Return what a size that is out of bounds amounts to, and what may be meant."""
        raise NotImplementedError


class CpuRange(_Range):
    """CPU sizes that may be tried: min, max and step, or a list of values."""

    smallest_step: ClassVar[str] = "10m"
    smallest: ClassVar[str] = SMALLEST_CPU
    largest: ClassVar[str] = LARGEST_CPU
    bounds: ClassVar[str] = CPU_BOUNDS
    cel: ClassVar[tuple[tuple[str, str], ...]] = _range_rules("10m", SMALLEST_CPU, LARGEST_CPU, CPU_BOUNDS, CPU_TEXTS)

    @staticmethod
    def remark(value: Quantity) -> str:
        """Return which size in millicores may be meant by a very large number of CPUs, or why a size is too small."""
        if value < Quantity(SMALLEST_CPU):
            return ", which is less than 1 ms of CPU time in each 100 ms, the least that Linux grants"
        is_large_integer = value.text.isdigit() and value > Quantity(LARGEST_CPU)
        return f", which is {int(value.value):,} CPUs ({value}m may be meant)" if is_large_integer else ""


class MemoryRange(_Range):
    """Memory sizes that may be tried: min, max and step, or a list of values."""

    smallest_step: ClassVar[str] = "1Mi"
    smallest: ClassVar[str] = SMALLEST_MEMORY
    largest: ClassVar[str] = LARGEST_MEMORY
    bounds: ClassVar[str] = MEMORY_BOUNDS
    cel: ClassVar[tuple[tuple[str, str], ...]] = _range_rules(
        "1Mi", SMALLEST_MEMORY, LARGEST_MEMORY, MEMORY_BOUNDS, MEMORY_TEXTS
    )

    @staticmethod
    def remark(value: Quantity) -> str:
        """Return how many bytes a size is, and which size may be meant by it."""
        number = value.text.rstrip("m")
        meant = f" ({number}Mi may be meant)" if number.isdigit() and value < Quantity(SMALLEST_MEMORY) else ""
        return f", which is {value.value.normalize():f} bytes{meant}"


class Resources(ApiModel):
    """The range of sizes to search.

    By default it begins at a fixed floor and ends at what a node has free besides the load generator and sidecars.
    """

    cpu: CpuRange | None = None
    """CPU sizes. The default is from 100m upwards in steps of 50m."""
    memory: MemoryRange | None = None
    """Memory sizes. The default is from 128Mi upwards. The steps grow with the size: an eighth of it, but at least
    32Mi."""
