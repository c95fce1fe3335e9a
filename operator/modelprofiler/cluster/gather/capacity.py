"""What the nodes can still give: the range where the user names none, and why a range is too wide. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelprofiler.api.objects import Object
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.ranges import Resources
from modelprofiler.api.status import EffectiveResources
from modelprofiler.cluster import names
from modelprofiler.core.axis import Limits
from modelprofiler.core.sizes import cpu_up_to, memory_up_to, whole_mebibytes
from modelprofiler.errors import Problem


@dataclass(frozen=True)
class Room:
    """What a node has left."""

    node: str
    cpu: int
    """Millicores."""
    memory: int
    """Bytes."""


def pod_requests(pod: Object) -> tuple[int, int]:
    """Return what the scheduler counts for a pod: (millicores, bytes).

    The larger of the sum over containers (with restartable init containers) and the largest init container, plus
    overhead: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
    """
    spec = pod.get("spec") or {}
    totals = []
    for resource, unit in (("cpu", "millicores"), ("memory", "bytes")):

        def amount(owner: Object, resource: str = resource, unit: str = unit) -> int:
            value = ((owner.get("resources") or {}).get("requests") or {}).get(resource)
            return getattr(Quantity(value), unit) if value is not None else 0

        init = spec.get("initContainers") or []
        always = [c for c in init if c.get("restartPolicy") == "Always"]
        running = sum(map(amount, [*(spec.get("containers") or []), *always]))
        largest_init = max((amount(c) for c in init if c not in always), default=0)
        overhead = (spec.get("overhead") or {}).get(resource)
        totals.append(max(running, largest_init) + (getattr(Quantity(overhead), unit) if overhead else 0))
    return totals[0], totals[1]


def rooms(nodes: Iterable[Object], pods: Iterable[Object] | None) -> list[Room]:
    """Return what each schedulable node has left, most CPU first.

    Parameters
    ----------
    pods
        All pods; those of ModelProfiles are not counted, since they take turns. None when they may not be listed:
        then nodes are taken as empty.
    """
    used: dict[str, list[int]] = {}
    for pod in pods or ():
        node = (pod.get("spec") or {}).get("nodeName")
        mine = (pod["metadata"].get("labels") or {}).get(names.MANAGED_BY) == names.MANAGER
        if not node or mine or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            continue
        cpu, memory = pod_requests(pod)
        total = used.setdefault(node, [0, 0])
        total[0] += cpu
        total[1] += memory
    found = []
    for node in nodes:
        spec = node.get("spec") or {}
        taints = {t.get("effect") for t in spec.get("taints") or ()}
        if spec.get("unschedulable") or taints & {"NoSchedule", "NoExecute"}:
            continue
        name = node["metadata"]["name"]
        allocatable = (node.get("status") or {}).get("allocatable") or {}
        if "cpu" not in allocatable or "memory" not in allocatable:
            continue
        cpu, memory = used.get(name, (0, 0))
        found.append(
            Room(name, Quantity(allocatable["cpu"]).millicores - cpu, Quantity(allocatable["memory"]).bytes - memory)
        )
    return sorted(found, key=lambda room: (-room.cpu, -room.memory, room.node))


def effective(
    resources: Resources, found: Sequence[Room], beside: tuple[int, int]
) -> EffectiveResources | list[Problem]:
    """Return the range to search, defaults filled in, or why no node can give it.

    Parameters
    ----------
    found
        What the nodes have left, from `rooms`; empty when nodes may not be read: then nothing is checked, and the
        range must be given.
    beside
        What the load and the template's other containers ask for on the same node: (millicores, bytes).
    """
    cpu, memory = resources.cpu, resources.memory
    if not found:
        if cpu is None or memory is None:
            return [Problem("spec.resources", "the nodes cannot be read, so cpu and memory must be given here")]
        return EffectiveResources(cpu=cpu, memory=memory)
    room = found[0]
    left_cpu, left_memory = room.cpu - beside[0], room.memory - beside[1]
    cpu = cpu or cpu_up_to(left_cpu)
    memory = memory or memory_up_to(left_memory)
    if cpu is None or memory is None:
        return [Problem("spec.resources", f"no node has room for a server; {_left(room)} beside the load")]
    ceiling = Limits.ceiling(EffectiveResources(cpu=cpu, memory=memory))
    top_cpu, top_memory = ceiling.cpu, ceiling.memory
    if any(top_cpu <= r.cpu - beside[0] and top_memory <= r.memory - beside[1] for r in found):
        return EffectiveResources(cpu=cpu, memory=memory)
    problems = []
    if top_cpu > left_cpu:
        size, share = Quantity.cpu(top_cpu), Quantity.cpu(beside[0])
        problems.append(_too_large("cpu", size, room, share, Quantity.cpu(max(0, left_cpu))))
    most = max(found, key=lambda r: r.memory)
    if top_memory > most.memory - beside[1]:
        size, share = Quantity.memory(top_memory), Quantity.memory(beside[1])
        problems.append(_too_large("memory", size, most, share, whole_mebibytes(most.memory - beside[1])))
    return problems or [Problem("spec.resources", f"no node has both the CPU and the memory; {_left(room)}")]


def _too_large(resource: str, size: Quantity, room: Room, beside: Quantity, most: Quantity) -> Problem:
    taken = f", of which {beside} is for what runs beside the server" if beside.value else ""
    message = f"{size} is more than any node can give: {_left(room)}{taken}; at most {most} is possible"
    return Problem(f"spec.resources.{resource}", message)


def _left(room: Room) -> str:
    return (
        f"node {room.node} has {Quantity.cpu(max(0, room.cpu))} CPU and {whole_mebibytes(room.memory)} of memory left"
    )
