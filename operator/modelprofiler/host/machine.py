"""The CPU and memory that this machine can give to a server, and the range of sizes that follows from them.

Where this process itself runs in a control group with limits, such as a container, those limits count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.ranges import Resources
from modelprofiler.api.status import EffectiveResources
from modelprofiler.core.axis import Limits, cpu_axis, memory_axis
from modelprofiler.core.sizes import CPU_FLOOR, MEMORY_FLOOR, cpu_up_to, memory_up_to, whole_mebibytes
from modelprofiler.errors import Problem
from modelprofiler.host.cpus import available_cpus
from modelprofiler.host.procfs import CGROUP_ROOT, PROC, controller_mounts, own_cgroup, read_text

LOAD_CPU = 1000
"""Millicores that a default range leaves to the load generator: one core, as in a cluster."""
LOAD_MEMORY = 512 * 2**20
"""Bytes that a default range leaves to the load generator and to this program; chosen, not fitted."""
UNLIMITED = 2**60
"""Version 1 of control groups writes "no limit" as the largest number of pages, which is above this."""


@dataclass(frozen=True)
class Machine:
    """What this process may use.

    Attributes
    ----------
    cpu
        In millicores.
    memory, free
        In bytes: all of it, and what is not in use.
    """

    cpu: int
    memory: int
    free: int


def this_machine(root: Path = CGROUP_ROOT, proc: Path = PROC) -> Machine:
    """Return what this machine, or the container that this process runs in, can give."""
    import psutil  # here, because the range of a profile for a cluster is checked without the extra `local`

    memory = psutil.virtual_memory()
    cpu = min([len(available_cpus()) * 1000, *_cpu_limits(root, proc)])
    limits = list(_memory_limits(root, proc))
    total = min([memory.total, *(limit for limit, _ in limits)])
    free = min([memory.available, *(limit - used for limit, used in limits)])
    return Machine(cpu, total, max(0, free))


def _own_groups(root: Path, proc: Path, controller: str) -> Iterator[Path]:
    """Yield the control group of this process and its parents, as far as they are visible."""
    mounted = controller_mounts(read_text(proc / "self/mountinfo")).get(controller)
    top, own = root, own_cgroup(proc)
    if mounted is not None:
        top = mounted
        fields = (line.split(":", 2) for line in read_text(proc / "self/cgroup").splitlines())
        own = next((f[2] for f in fields if len(f) == 3 and controller in f[1].split(",")), "/")
    group = top / own.lstrip("/")
    while group != top and top in group.parents:
        yield group
        group = group.parent
    yield top


def _cpu_limits(root: Path, proc: Path) -> Iterable[int]:
    """Yield the CPU limits of this process's groups, in millicores."""
    for group in _own_groups(root, proc, "cpu"):
        quota, _, period = read_text(group / "cpu.max").strip().partition(" ")  # version 2; version 1 has two files
        quota = quota or read_text(group / "cpu.cfs_quota_us").strip()
        period = period or read_text(group / "cpu.cfs_period_us").strip()
        if quota.isdecimal() and period.isdecimal() and int(period):
            yield int(quota) * 1000 // int(period)


def _memory_limits(root: Path, proc: Path) -> Iterable[tuple[int, int]]:
    """Yield the memory limits of this process's groups and what is in use of each, in bytes."""
    for group in _own_groups(root, proc, "memory"):
        limit = read_text(group / "memory.max").strip() or read_text(group / "memory.limit_in_bytes").strip()
        used = read_text(group / "memory.current").strip() or read_text(group / "memory.usage_in_bytes").strip()
        if limit.isdecimal() and int(limit) < UNLIMITED:
            yield int(limit), int(used) if used.isdecimal() else 0


def effective(resources: Resources, machine: Machine) -> EffectiveResources | list[Problem]:
    """Return the range to search, with defaults filled in, or why this machine cannot give it."""
    reserved = LOAD_CPU if machine.cpu > LOAD_CPU else 0
    cpu = resources.cpu or cpu_up_to(machine.cpu - reserved)
    memory = resources.memory or memory_up_to(machine.free - LOAD_MEMORY)
    problems = []
    if cpu is None:
        problems.append(_too_small("cpu", f"{Quantity.cpu(machine.cpu)} CPU", CPU_FLOOR))
    elif (largest := cpu_axis(cpu).last) > machine.cpu:
        message = f"{Quantity.cpu(largest)} is more than the {Quantity.cpu(machine.cpu)} CPU that this machine has"
        problems.append(Problem("spec.resources.cpu", message))
    free = whole_mebibytes(machine.free)
    if memory is None:
        available = f"{free} of free memory, of which {whole_mebibytes(LOAD_MEMORY)} is reserved for the load"
        problems.append(_too_small("memory", available, MEMORY_FLOOR))
    elif (largest := memory_axis(memory).last) > machine.memory:
        total = whole_mebibytes(machine.memory)
        message = f"{Quantity.memory(largest)} is more than the {total} of memory that this machine has ({free} free)"
        problems.append(Problem("spec.resources.memory", message))
    if problems or cpu is None or memory is None:
        return problems
    return EffectiveResources(cpu=cpu, memory=memory)


def scarce(resources: EffectiveResources, machine: Machine) -> str | None:
    """Return a warning when the server at its largest size would need memory that other programs use now."""
    largest = Limits.ceiling(resources).memory
    if largest + LOAD_MEMORY <= machine.free:
        return None
    return (
        f"only {whole_mebibytes(machine.free)} of memory is free now: a server that uses all of its "
        f"{Quantity.memory(largest)} would push other programs out of memory"
    )


def _too_small(resource: str, available: str, floor: Quantity) -> Problem:
    message = f"this machine has {available}, which is not enough for a server of {floor}; set a range"
    return Problem(f"spec.resources.{resource}", message)
