"""What the nodes have left: the range to search where a user gives none, and whether a given range fits. Pure."""

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
    """What the requests of its pods leave of a node."""

    node: str
    cpu: int
    """Millicores; negative where the node is overcommitted."""
    memory: int
    """Bytes; negative where the node is overcommitted."""

    def without(self, reserved: tuple[int, int]) -> Room:
        """Return what is left when something more is requested: (millicores, bytes)."""
        return Room(self.node, self.cpu - reserved[0], self.memory - reserved[1])

    def fits(self, limits: Limits) -> bool:
        """Return whether a server of a size fits."""
        return limits.cpu <= self.cpu and limits.memory <= self.memory

    def __str__(self) -> str:
        cpu, memory = Quantity.cpu(max(0, self.cpu)), whole_mebibytes(self.memory)
        return f"node {self.node} has {cpu} CPU and {memory} of memory left"


def pod_requests(pod: Object) -> tuple[int, int]:
    """Return what the scheduler counts for a pod: (millicores, bytes).

    The larger of the sum over containers (with restartable init containers) and the largest init container, plus
    overhead: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
    """
    spec = pod.get("spec") or {}
    init = spec.get("initContainers") or []
    sidecars = [c for c in init if c.get("restartPolicy") == "Always"]
    running = [_requests(c) for c in [*(spec.get("containers") or []), *sidecars]]
    starting = [_requests(c) for c in init if c not in sidecars]
    overhead = _amounts(spec.get("overhead"))
    cpu, memory = (
        max(sum(r[i] for r in running), max((r[i] for r in starting), default=0)) + overhead[i] for i in range(2)
    )
    return cpu, memory


def _requests(container: Object) -> tuple[int, int]:
    return _amounts((container.get("resources") or {}).get("requests"))


def _amounts(amounts: Object | None) -> tuple[int, int]:
    cpu, memory = (Quantity((amounts or {}).get(resource) or 0) for resource in ("cpu", "memory"))
    return cpu.millicores, memory.bytes


def rooms(nodes: Iterable[Object], pods: Iterable[Object] | None) -> list[Room]:
    """Return what each schedulable node has left, the one with the most CPU first.

    Parameters
    ----------
    pods
        All pods. Those of ModelProfiles are not counted, since profiles take turns. None when pods may not be listed:
        then nodes count as empty.
    """
    used = _requests_by_node(pods or ())
    left = [
        _allocatable(node).without(used.get(node["metadata"]["name"], (0, 0)))
        for node in nodes
        if _is_schedulable(node)
    ]
    return sorted(left, key=lambda room: (-room.cpu, -room.memory, room.node))


def _requests_by_node(pods: Iterable[Object]) -> dict[str, tuple[int, int]]:
    used: dict[str, tuple[int, int]] = {}
    for pod in pods:
        node = (pod.get("spec") or {}).get("nodeName")
        is_of_a_run = (pod["metadata"].get("labels") or {}).get(names.MANAGED_BY) == names.MANAGER
        has_ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if node and not is_of_a_run and not has_ended:
            cpu, memory = pod_requests(pod)
            total = used.get(node, (0, 0))
            used[node] = total[0] + cpu, total[1] + memory
    return used


def _is_schedulable(node: Object) -> bool:
    """Return whether a node takes ordinary pods, and says what it has; one that has just joined does not yet."""
    spec = node.get("spec") or {}
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    taints = {taint.get("effect") for taint in spec.get("taints") or ()}
    return (
        not spec.get("unschedulable")
        and not taints & {"NoSchedule", "NoExecute"}
        and {"cpu", "memory"} <= set(allocatable)
    )


def _allocatable(node: Object) -> Room:
    return Room(node["metadata"]["name"], *_amounts(node["status"]["allocatable"]))


def effective(
    resources: Resources, left: Sequence[Room], reserved: tuple[int, int]
) -> EffectiveResources | list[Problem]:
    """Return the range to search, defaults filled in, or why no node can give it.

    Parameters
    ----------
    left
        What the nodes have left, from `rooms`; empty when nodes may not be read: then nothing is checked,
        and the range must be given.
    reserved
        What the load and the template's other containers request on the same node: (millicores, bytes).
    """
    cpu, memory = resources.cpu, resources.memory
    if not left:
        if cpu is None or memory is None:
            return [Problem("spec.resources", "the nodes cannot be read, so cpu and memory must be given here")]
        return EffectiveResources(cpu=cpu, memory=memory)
    for_server = left[0].without(reserved)
    cpu = cpu or cpu_up_to(for_server.cpu)
    memory = memory or memory_up_to(for_server.memory)
    if cpu is None or memory is None:
        return [Problem("spec.resources", f"no node has room for a server; {left[0]}{_reserved_part(reserved)}")]
    searched = EffectiveResources(cpu=cpu, memory=memory)
    ceiling = Limits.ceiling(searched)
    if any(room.without(reserved).fits(ceiling) for room in left):
        return searched
    return _too_large(ceiling, left, reserved)


def _too_large(ceiling: Limits, left: Sequence[Room], reserved: tuple[int, int]) -> list[Problem]:
    """Return what of a ceiling no node can give, with the node that comes closest."""
    most_cpu, most_memory = left[0], max(left, key=lambda room: room.memory)
    cpu_left, memory_left = most_cpu.without(reserved).cpu, most_memory.without(reserved).memory
    problems = []
    if ceiling.cpu > cpu_left:
        problems.append(
            Problem(
                "spec.resources.cpu",
                f"{Quantity.cpu(ceiling.cpu)} is more than any node can give: {most_cpu}"
                f"{_reserved_part((reserved[0], 0))}; at most {Quantity.cpu(max(0, cpu_left))} is possible",
            )
        )
    if ceiling.memory > memory_left:
        problems.append(
            Problem(
                "spec.resources.memory",
                f"{Quantity.memory(ceiling.memory)} is more than any node can give: {most_memory}"
                f"{_reserved_part((0, reserved[1]))}; at most {whole_mebibytes(memory_left)} is possible",
            )
        )
    return problems or [Problem("spec.resources", f"no node has both the CPU and the memory; {left[0]}")]


def _reserved_part(reserved: tuple[int, int]) -> str:
    """Return what of a node the rest of the run needs, as the continuation of a sentence."""
    cpu, memory = Quantity.cpu(reserved[0]), Quantity.memory(reserved[1])
    amounts = [*([f"{cpu} CPU"] if reserved[0] else []), *([f"{memory} of memory"] if reserved[1] else [])]
    if not amounts:
        return ""
    return f", of which the load and the other containers of the server's pod need {' and '.join(amounts)}"
