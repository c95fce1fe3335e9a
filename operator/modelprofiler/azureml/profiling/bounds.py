"""How large a size may be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.host.machine import LOAD_CPU, LOAD_MEMORY, this_machine

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
    """What there is to give: CPU in cores, memory in GB.

    Attributes
    ----------
    cpu, memory_in_gb
        In all.
    spare_cpu, spare_memory_in_gb
        Beside the load and what others use: the largest size where none is asked for.
    """

    cpu: float
    memory_in_gb: float
    spare_cpu: float
    spare_memory_in_gb: float

    @classmethod
    def here(cls) -> Machine:
        """Return what this process may use.

        Raises
        ------
        UserErrorException
            When what a run on this machine needs is not installed.
        """
        try:
            machine = this_machine()
        except ImportError as error:
            raise UserErrorException(
                "to profile on this machine: pip install 'modelprofiler[local]'; "
                "Workspace.from_kubernetes(namespace=...) profiles in a cluster"
            ) from error
        beside = LOAD_CPU if machine.cpu > LOAD_CPU else 0
        return cls(
            machine.cpu / 1000,
            machine.memory / GIGABYTE,
            (machine.cpu - beside) / 1000,
            max(machine.free - LOAD_MEMORY, 0) / GIGABYTE,
        )


def lowered(cap: float, there_is: float, what: str, where: str) -> tuple[float, str | None]:
    """Return the largest size that is tried, and a warning when it is less than was asked for."""
    if cap <= there_is:
        return float(cap), None
    there_is = rounded_down(there_is)
    return there_is, f"{what} {cap:g} is more than {where} has; {there_is:g} is the largest size that is tried"


def rounded_down(size: float) -> float:
    """Return a size in the steps in which sizes are tried: 0.05 cores or GB."""
    return max(int(size * 20) / 20, 0.1)
