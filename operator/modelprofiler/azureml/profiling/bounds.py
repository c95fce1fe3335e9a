"""The bounds of the sizes that a caller may request, and what this machine has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.host.machine import LOAD_CPU, LOAD_MEMORY, this_machine

GIGABYTE = 10**9
"""Bytes of a GB, as Azure ML counted memory."""


@dataclass(frozen=True)
class Bounds:
    """The smallest and largest values of `cpu`, in cores, and `memory_in_gb`, in GB.

    The defaults are Azure ML's. They were the limits of a region's machines, so here they are settings:
    MODELPROFILER_MIN_PROFILE_CPU, MODELPROFILER_MAX_PROFILE_CPU, MODELPROFILER_MIN_PROFILE_MEMORY and
    MODELPROFILER_MAX_PROFILE_MEMORY.
    """

    min_profile_cpu: float = 0.1
    max_profile_cpu: float = 3.5
    min_profile_memory: float = 0.1
    max_profile_memory: float = 15.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Bounds:
        """Return the bounds that the environment variables set.

        Raises
        ------
        UserErrorException
            When a variable is not a positive number.
        """
        values: dict[str, float] = {}
        for name in cls.__dataclass_fields__:
            variable = f"MODELPROFILER_{name.upper()}"
            if variable not in environment:
                continue
            try:
                values[name] = float(environment[variable])
            except ValueError:
                values[name] = 0.0
            if not 0 < values[name] < float("inf"):
                raise UserErrorException(f"{variable} must be a number above 0, not {environment[variable]!r}")
        return cls(**values)

    def check_cpu(self, cpu: float | None) -> None:
        """Refuse a CPU limit that is out of bounds."""
        low, high = self.min_profile_cpu, self.max_profile_cpu
        _check(cpu, low, high, "cpu", "cores", "MODELPROFILER_MAX_PROFILE_CPU")

    def check_memory(self, memory_in_gb: float | None) -> None:
        """Refuse a memory limit that is out of bounds."""
        low, high = self.min_profile_memory, self.max_profile_memory
        _check(memory_in_gb, low, high, "memory", "GB", "MODELPROFILER_MAX_PROFILE_MEMORY")


def _check(value: float | None, low: float, high: float, name: str, unit: str, variable: str) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UserErrorException(
            f"Expected {name} value is between {low} and {high}. Provided: {value}. "
            f"Give {unit} within these bounds, or set {variable} to allow more."
        )


@dataclass(frozen=True)
class Machine:
    """What this machine has: CPU in cores, memory in GB.

    Attributes
    ----------
    cpu, memory_in_gb
        The total.
    spare_cpu, spare_memory_in_gb
        What is left when the load and other programs have theirs: the largest size where the caller gives none.
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
            When the packages for a run on this machine are not installed.
        """
        try:
            machine = this_machine()
        except ImportError as error:
            raise UserErrorException(
                "to profile on this machine: pip install 'modelprofiler[local]'; "
                "Workspace.from_kubernetes(namespace=...) profiles in a cluster"
            ) from error
        load_cpu = LOAD_CPU if machine.cpu > LOAD_CPU else 0
        return cls(
            machine.cpu / 1000,
            machine.memory / GIGABYTE,
            (machine.cpu - load_cpu) / 1000,
            max(machine.free - LOAD_MEMORY, 0) / GIGABYTE,
        )


def lowered(requested: float, available: float, argument: str, owner: str) -> tuple[float, str | None]:
    """Return the largest size to try, and a warning where it is less than the caller requested.

    Parameters
    ----------
    argument
        The argument of `Model.profile` with the size, for the warning.
    owner
        What has the available CPU or memory, such as ``this machine``, for the warning.
    """
    if requested <= available:
        return float(requested), None
    largest = rounded_down(available)
    return largest, f"{argument} {requested:g} is more than {owner} has; {largest:g} is the largest size that is tried"


def rounded_down(size: float) -> float:
    """Return a size rounded down to a step of 0.05 cores or GB, and at least 0.1, the smallest size."""
    return max(int(size * 20) / 20, 0.1)
