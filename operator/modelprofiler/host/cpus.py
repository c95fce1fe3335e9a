"""Which CPUs the server runs on and which the load generator, so that neither is measured as the other."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

SYSTEM = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class CpuPlan:
    """Who runs where.

    Attributes
    ----------
    server, load
        CPU numbers.
    shared
        Whether they are the same.
    sentence
        What that means, for people.
    """

    server: frozenset[int]
    load: frozenset[int]
    shared: bool
    sentence: str


def split(available: Iterable[int], server_cores: float, cores: Mapping[int, frozenset[int]] | None = None) -> CpuPlan:
    """Return who runs where: the load generator on CPUs of its own where the server keeps as many as it may use.

    Parameters
    ----------
    available
        The CPUs that this process may use.
    server_cores
        The largest CPU limit that the server is to be given, in cores.
    cores
        For each CPU those that are the same core (hyper-threads), itself included; default: each is one. The load
        generator takes a whole core where there are enough, because two threads of one slow each other down.
    """
    cpus = sorted(available)
    needed = max(1, math.ceil(server_cores))
    if len(cpus) <= needed:
        everything = frozenset(cpus)
        return CpuPlan(
            everything,
            everything,
            True,
            f"server and load generator shared {_numbers(cpus)}: the server may use up to {server_cores:g} cores, and "
            "the machine has no more; latency includes their waiting for each other",
        )
    last = cpus[-1]  # interrupts tend to be handled by the first
    core = (cores or {}).get(last, frozenset({last})) & frozenset(cpus)
    load = core if len(cpus) - len(core) >= needed else frozenset({last})
    server = frozenset(cpus) - load
    beside = "" if load == core else "; they share a core with the server, as hyper-threads"
    return CpuPlan(
        server, load, False, f"the server ran on {_numbers(server)}, the load generator on {_numbers(load)}{beside}"
    )


def available_cpus() -> frozenset[int]:
    """Return the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def same_core(system: Path = SYSTEM) -> dict[int, frozenset[int]]:
    """Return for each CPU those that are the same core; nothing where the system does not tell."""
    found: dict[int, frozenset[int]] = {}
    for path in system.glob("cpu[0-9]*/topology/thread_siblings_list"):
        found[int(path.parts[-3].removeprefix("cpu"))] = cpu_list(path.read_text())
    return found


def cpu_list(text: str) -> frozenset[int]:
    """Return the CPUs in a list as the kernel writes it: ``0-3,8``."""
    spans = (part.partition("-") for part in text.strip().split(",") if part)
    return frozenset(cpu for first, _, last in spans for cpu in range(int(first), int(last or first) + 1))


def pin(cpus: Iterable[int], pid: int = 0) -> bool:
    """Keep a process (0: the calling thread, and what it starts) to `cpus`; return whether this system can."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(pid, cpus)
    return True


def _numbers(cpus: Iterable[int]) -> str:
    """Return ``CPU 0`` or ``CPUs 0, 1``."""
    names = [str(cpu) for cpu in sorted(cpus)]
    return f"CPU{'s' if len(names) > 1 else ''} {', '.join(names)}"
