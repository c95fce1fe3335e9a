"""The range of CPU and memory sizes that a run searches."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from modelprofiler.api.model import ApiModel
from modelprofiler.api.quantities import Quantity

RANGE_SHAPE = "either values, or all of min, max and step must be set"
RANGE_ORDER = "min must not be greater than max"
RANGE_POSITIVE = "min must be greater than 0"


def _range_rules(step_at_least: str) -> tuple[tuple[str, str], ...]:
    all_three = "has(self.min) && has(self.max) && has(self.step)"
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
            "!has(self.min) || quantity(string(self.min)).isGreaterThan(quantity('0'))",
            RANGE_POSITIVE,
        ),
        (
            f"!has(self.step) || quantity(string(self.step)).compareTo(quantity('{step_at_least}')) >= 0",
            f"step must be at least {step_at_least}",
        ),
        (
            "!has(self.values) || self.values.all(v, quantity(string(v)).isGreaterThan(quantity('0')))",
            "every one of values must be greater than 0",
        ),
    )


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

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        bounds = (self.min, self.max, self.step)
        if any(b is not None for b in bounds) if self.values is not None else any(b is None for b in bounds):
            raise ValueError(RANGE_SHAPE)
        problems = []
        if self.min is not None and self.max is not None and self.min > self.max:
            problems.append(RANGE_ORDER)
        if self.min is not None and self.min.value <= 0:
            problems.append(RANGE_POSITIVE)
        if self.step is not None and self.step < Quantity(self.smallest_step):
            problems.append(f"step must be at least {self.smallest_step}")
        if any(v.value <= 0 for v in self.values or ()):
            problems.append("every one of values must be greater than 0")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class CpuRange(_Range):
    """CPU sizes that may be tried: min, max and step, or a list of values."""

    smallest_step: ClassVar[str] = "10m"
    cel: ClassVar[tuple[tuple[str, str], ...]] = _range_rules("10m")


class MemoryRange(_Range):
    """Memory sizes that may be tried: min, max and step, or a list of values."""

    smallest_step: ClassVar[str] = "1Mi"
    cel: ClassVar[tuple[tuple[str, str], ...]] = _range_rules("1Mi")


class Resources(ApiModel):
    """The range of sizes to search.

    By default it begins at a fixed floor and ends at what the node can provide in addition to the load generator.
    """

    cpu: CpuRange | None = None
    """CPU sizes. The default is from 100m upwards in steps of 50m."""
    memory: MemoryRange | None = None
    """Memory sizes. The default is from 128Mi upwards, with eight sizes between a size and its double, at least 32Mi
    apart."""
