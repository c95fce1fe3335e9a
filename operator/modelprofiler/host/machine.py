"""What this machine can give: cores and memory, less where this process itself is limited; and the range from it."""

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
from modelprofiler.host.cgroup import PROC, ROOT, own_path, text
from modelprofiler.host.cgroup_v1 import mounts
from modelprofiler.host.cpus import available_cpus

LOAD_CPU = 1000
"""Millicores that are kept for the load generator where the range is not given: a core, as in a cluster."""
LOAD_MEMORY = 512 * 2**20
"""Bytes that are kept for the load generator and for what measures, where the range is not given."""


@dataclass(frozen=True)
class Machine:
    """What this process may use.

    Attributes
    ----------
    cpu
        In millicores.
    memory, free
        In bytes: what there is, and what of it nobody uses.
    """

    cpu: int
    memory: int
    free: int


def this_machine(root: Path = ROOT, proc: Path = PROC) -> Machine:
    """Return what this machine can give: in a container, what the container may use."""
    import psutil

    memory = psutil.virtual_memory()
    cpu = len(available_cpus()) * 1000
    cpu = min([cpu, *_cpu_limits(root, proc)])
    limits = list(_memory_limits(root, proc))
    total = min([memory.total, *(limit for limit, _ in limits)])
    free = min([memory.available, *(limit - used for limit, used in limits)])
    return Machine(cpu, total, max(0, free))


def _groups(root: Path, proc: Path, controller: str) -> Iterator[Path]:
    """Yield the control group of this process and those around it, as far as they can be seen."""
    lines = text(proc / "self/cgroup").splitlines()
    mounted = mounts(text(proc / "self/mountinfo")).get(controller)
    top, own = root, own_path(proc)
    if mounted is not None:
        top = mounted
        fields = (line.split(":", 2) for line in lines)
        own = next((f[2] for f in fields if len(f) == 3 and controller in f[1].split(",")), "/")
    group = top / own.lstrip("/")
    while group != top and top in group.parents:
        yield group
        group = group.parent
    yield top


def _cpu_limits(root: Path, proc: Path) -> Iterable[int]:
    for group in _groups(root, proc, "cpu"):
        quota, _, period = text(group / "cpu.max").strip().partition(" ")  # version 2; version 1 has two files
        quota = quota or text(group / "cpu.cfs_quota_us").strip()
        period = period or text(group / "cpu.cfs_period_us").strip()
        if quota.isdecimal() and period.isdecimal() and int(period):
            yield int(quota) * 1000 // int(period)


def _memory_limits(root: Path, proc: Path) -> Iterable[tuple[int, int]]:
    for group in _groups(root, proc, "memory"):
        limit = text(group / "memory.max").strip() or text(group / "memory.limit_in_bytes").strip()
        used = text(group / "memory.current").strip() or text(group / "memory.usage_in_bytes").strip()
        # Version 1 writes "no limit" as the largest number of pages.
        if limit.isdecimal() and int(limit) < 2**60:
            yield int(limit), int(used) if used.isdecimal() else 0


def effective(resources: Resources, machine: Machine) -> EffectiveResources | list[Problem]:
    """Return the range to search, defaults filled in, or which limit is above the machine."""
    beside = LOAD_CPU if machine.cpu > LOAD_CPU else 0
    cpu = resources.cpu or cpu_up_to(machine.cpu - beside)
    memory = resources.memory or memory_up_to(machine.free - LOAD_MEMORY)
    problems = []
    if cpu is None:
        problems.append(_too_little("cpu", f"{Quantity.cpu(machine.cpu)} CPU", CPU_FLOOR))
    elif (top := cpu_axis(cpu).last) > machine.cpu:
        has = f"this machine has {Quantity.cpu(machine.cpu)}"
        problems.append(Problem("spec.resources.cpu", f"{Quantity.cpu(top)} is more CPU than there is: {has}"))
    if memory is None:
        left = (
            f"{whole_mebibytes(machine.free)} of memory free, of which {whole_mebibytes(LOAD_MEMORY)} is for the load"
        )
        problems.append(_too_little("memory", left, MEMORY_FLOOR))
    elif (most := memory_axis(memory).last) > machine.memory:
        has = f"this machine has {whole_mebibytes(machine.memory)}, {whole_mebibytes(machine.free)} of it free"
        problems.append(
            Problem("spec.resources.memory", f"{Quantity.memory(most)} is more memory than there is: {has}")
        )
    if problems or cpu is None or memory is None:
        return problems
    return EffectiveResources(cpu=cpu, memory=memory)


def scarce(resources: EffectiveResources, machine: Machine) -> str | None:
    """Return a sentence when the server at its largest would take memory that others use now."""
    most = Limits.ceiling(resources).memory
    if most + LOAD_MEMORY <= machine.free:
        return None
    return (
        f"only {whole_mebibytes(machine.free)} of memory is free now: "
        f"a server that takes all of {Quantity.memory(most)} would push others out"
    )


def _too_little(resource: str, has: str, floor: Quantity) -> Problem:
    return Problem(
        f"spec.resources.{resource}", f"this machine has {has}; too little for a server of {floor}: give a range"
    )
