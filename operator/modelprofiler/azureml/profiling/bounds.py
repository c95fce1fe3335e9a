"""How large a size may be asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from modelprofiler.azureml.exceptions import UserErrorException

GIGABYTE = 10**9
"""Bytes of a GB, as the original counted memory."""


@dataclass(frozen=True)
class Bounds:
    """Smallest and largest caps: CPU in cores, memory in GB.

    The defaults are the original's. Its limits were those of a region's machines, so here they are settings:
    MODELPROFILER_MIN_PROFILE_CPU, MODELPROFILER_MAX_PROFILE_CPU, MODELPROFILER_MIN_PROFILE_MEMORY and
    MODELPROFILER_MAX_PROFILE_MEMORY.
    """

    min_profile_cpu: float = 0.1
    max_profile_cpu: float = 3.5
    min_profile_memory: float = 0.1
    max_profile_memory: float = 15.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Bounds:
        """Return the bounds that the environment sets.

        Raises
        ------
        UserErrorException
            When a variable holds no positive number.
        """
        given: dict[str, float] = {}
        for name in cls.__dataclass_fields__:
            variable = f"MODELPROFILER_{name.upper()}"
            if variable not in environment:
                continue
            try:
                given[name] = float(environment[variable])
            except ValueError:
                given[name] = 0.0
            if not 0 < given[name] < float("inf"):
                raise UserErrorException(f"{variable} must be a number above 0, not {environment[variable]!r}")
        return cls(**given)

    def check_cpu(self, cpu: float | None) -> None:
        """Refuse a CPU cap out of bounds."""
        low, high = self.min_profile_cpu, self.max_profile_cpu
        _check(cpu, low, high, "cpu", "cores", "MODELPROFILER_MAX_PROFILE_CPU")

    def check_memory(self, memory_in_gb: float | None) -> None:
        """Refuse a memory cap out of bounds."""
        low, high = self.min_profile_memory, self.max_profile_memory
        _check(memory_in_gb, low, high, "memory", "GB", "MODELPROFILER_MAX_PROFILE_MEMORY")


def _check(value: float | None, low: float, high: float, what: str, unit: str, variable: str) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UserErrorException(
            f"Expected {what} value is between {low} and {high}. Provided: {value}. "
            f"Give {unit} within these bounds, or set {variable} to allow more."
        )


@dataclass(frozen=True)
class Machine:
    """What there is to give: CPU in cores, memory in GB."""

    cpu: float
    memory_in_gb: float
    name: str = "this machine"

    @classmethod
    def here(cls) -> Machine:
        """Return what this process may use."""
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return cls(float(cpus), memory / GIGABYTE)


def lowered(cap: float | None, bound: float, there_is: float, what: str, where: str) -> tuple[float, str | None]:
    """Return the largest size that is tried, and a warning when it is less than was asked for.

    Parameters
    ----------
    cap
        What was asked for, if anything.
    bound
        What is tried at most where nothing was asked for.
    there_is
        What there is to give.
    """
    if cap is None:
        return min(bound, there_is), None
    if cap <= there_is:
        return float(cap), None
    return there_is, f"{what} {cap:g} is more than {where} has; {there_is:g} is the largest size that is tried"
