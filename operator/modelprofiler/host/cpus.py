"""The CPUs of the server and those of the load generator, chosen so that neither disturbs the other's measurement."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

SYSTEM = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class CpuPlan:
    """The CPUs of the server and of the load generator.

    Attributes
    ----------
    server, load
        CPU numbers; the same where there are not enough for both.
    server_cores
        The largest CPU limit of the server, in cores.
    split_core
        Whether the load generator's CPU is a hyper-thread of a core that the server uses too.
    """

    server: frozenset[int]
    load: frozenset[int]
    server_cores: float
    split_core: bool = False

    @property
    def shared(self) -> bool:
        """Whether the server and the load generator use the same CPUs."""
        return self.server == self.load

    @property
    def sentence(self) -> str:
        """The plan and its consequences, as the report of a run states them."""
        return self._sentence("shared", "ran on")

    @property
    def forecast(self) -> str:
        """The same before the run."""
        return self._sentence("would share", "would run on")

    def _sentence(self, share: str, run_on: str) -> str:
        if self.shared:
            return (
                f"the server and the load generator {share} {_listed(self.server)}: the server may use up to "
                f"{self.server_cores:g} cores, and the machine has no more; latency includes the time that they wait "
                "for each other"
            )
        hyper_thread = ", a hyper-thread of a core that the server uses too" if self.split_core else ""
        return f"the server {run_on} {_listed(self.server)}, the load generator on {_listed(self.load)}{hyper_thread}"


def split(available: Iterable[int], server_cores: float, cores: Mapping[int, frozenset[int]] | None = None) -> CpuPlan:
    """Return which CPUs are whose: the load generator has its own if the server keeps as many as it may use.

    Parameters
    ----------
    available
        The CPUs that this process may use.
    server_cores
        The largest CPU limit of the server, in cores.
    cores
        For each CPU the CPUs of the same core (hyper-threads), itself included; by default each CPU is a core. The
        load generator gets a whole core where there are enough, because two threads of one core slow each other down.
    """
    cpus = frozenset(available)
    needed = max(1, math.ceil(server_cores))
    if len(cpus) <= needed:
        return CpuPlan(cpus, cpus, server_cores)
    last = max(cpus)  # interrupts tend to be handled by the first
    core = (cores or {}).get(last, frozenset({last})) & cpus
    load = core if len(cpus) - len(core) >= needed else frozenset({last})
    return CpuPlan(cpus - load, load, server_cores, split_core=load != core)


def available_cpus() -> frozenset[int]:
    """Return the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def same_core(system: Path = SYSTEM) -> dict[int, frozenset[int]]:
    """Return for each CPU the CPUs of the same core; empty where the system does not report them."""
    return {
        int(path.parts[-3].removeprefix("cpu")): cpu_list(path.read_text())
        for path in system.glob("cpu[0-9]*/topology/thread_siblings_list")
    }


def cpu_list(text: str) -> frozenset[int]:
    """Return the CPUs of a list as the kernel writes it: ``0-3,8``."""
    spans = (part.partition("-") for part in text.strip().split(",") if part)
    return frozenset(cpu for first, _, last in spans for cpu in range(int(first), int(last or first) + 1))


def pin(cpus: Iterable[int], pid: int = 0) -> bool:
    """Restrict a process (0: the calling thread, and what it starts) to `cpus`; return whether this system can."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(pid, cpus)
    return True


def _listed(cpus: Iterable[int]) -> str:
    """Return ``CPU 0`` or ``CPUs 0, 1``."""
    names = [str(cpu) for cpu in sorted(cpus)]
    return f"CPU{'s' if len(names) > 1 else ''} {', '.join(names)}"
