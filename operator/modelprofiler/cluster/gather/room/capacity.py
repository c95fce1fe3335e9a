"""What the nodes have left: the range to search where a user gives none, and whether a given range fits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from modelprofiler.api.objects import Object
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.ranges import Resources
from modelprofiler.api.status import EffectiveResources
from modelprofiler.cluster.gather.room.placement import ANYWHERE, Placement, Site
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
    site: Site = field(default_factory=lambda: Site(""), compare=False)
    """The node's labels and taints, which say what may run there."""
    used: tuple[int, int] = field(default=(0, 0), compare=False)
    """What its pods request: (millicores, bytes)."""

    def without(self, reserved: tuple[int, int]) -> Room:
        """Return what is left when something more is requested: (millicores, bytes)."""
        return replace(self, cpu=self.cpu - reserved[0], memory=self.memory - reserved[1])

    def emptied(self) -> Room:
        """Return what would be left if no pod ran there."""
        return replace(self, cpu=self.cpu + self.used[0], memory=self.memory + self.used[1], used=(0, 0))

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


def rooms(nodes: Iterable[Object], pods: Iterable[Object] | None, placement: Placement = ANYWHERE) -> list[Room]:
    """Return what each node that takes a pod has left, the one with the most CPU first.

    Parameters
    ----------
    pods
        All pods that count. None when pods may not be listed: then nodes count as empty.
    placement
        Where the pod may run; by default it asks for nothing.
    """
    return [room for room in every_room(nodes, pods) if not placement.obstacle(room.site)]


def every_room(nodes: Iterable[Object], pods: Iterable[Object] | None) -> list[Room]:
    """Return what each node has left, whether or not it takes pods, the one with the most CPU first.

    A node that does not say what it has, as one that has just joined, is left out.
    """
    used = _requests_by_node(pods or ())
    left = [
        _filled(_allocatable(node), used.get(node["metadata"]["name"], (0, 0)))
        for node in nodes
        if {"cpu", "memory"} <= set((node.get("status") or {}).get("allocatable") or {})
    ]
    return sorted(left, key=lambda room: (-room.cpu, -room.memory, room.node))


def _filled(room: Room, used: tuple[int, int]) -> Room:
    return replace(room.without(used), used=used)


def _requests_by_node(pods: Iterable[Object]) -> dict[str, tuple[int, int]]:
    used: dict[str, tuple[int, int]] = {}
    for pod in pods:
        node = (pod.get("spec") or {}).get("nodeName")
        has_ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if node and not has_ended:
            cpu, memory = pod_requests(pod)
            total = used.get(node, (0, 0))
            used[node] = total[0] + cpu, total[1] + memory
    return used


def _allocatable(node: Object) -> Room:
    return Room(node["metadata"]["name"], *_amounts(node["status"]["allocatable"]), Site.of(node))


@dataclass(frozen=True)
class Offer:
    """A node that takes the server's pod, and what of it the rest of the run needs."""

    room: Room
    reserved: tuple[int, int]
    """What the other containers of the server's pod request, and the load where it has to run there too: (millicores,
    bytes)."""

    @property
    def for_server(self) -> Room:
        """What is left for the profiled container."""
        return self.room.without(self.reserved)


def offers(
    every: Sequence[Room],
    placement: Placement,
    others: tuple[int, int],
    load: tuple[int, int],
    load_placement: Placement,
    load_pods: int = 1,
) -> list[Offer]:
    """Return the nodes that take the server's pod, the one with the most CPU for the profiled container first.

    Parameters
    ----------
    every
        What all nodes have left, from `every_room`.
    placement, others
        Where the server's pod may run, and what its other containers request: (millicores, bytes).
    load, load_placement, load_pods
        What a load pod requests, where it may run, and how many there are. They need room beside the server only where
        the other nodes have no room for all of them.
    """
    takes = {r.node: 0 if load_placement.obstacle(r.site) else _how_many(r, load, load_pods) for r in every}
    taking = []
    for room in every:
        if placement.obstacle(room.site):
            continue
        load_pods_here = max(load_pods - sum(takes[node] for node in takes if node != room.node), 0)
        taking.append(Offer(room, (others[0] + load_pods_here * load[0], others[1] + load_pods_here * load[1])))
    return sorted(taking, key=lambda o: (-o.for_server.cpu, -o.for_server.memory, o.room.node))


def _how_many(room: Room, amounts: tuple[int, int], most: int) -> int:
    """Return how many pods that request these amounts a node has room for, up to a number."""
    return sum(_holds(room, (number * amounts[0], number * amounts[1])) for number in range(1, most + 1))


def _holds(room: Room, amounts: tuple[int, int]) -> bool:
    return amounts[0] <= room.cpu and amounts[1] <= room.memory


def effective(
    resources: Resources, offered: Sequence[Offer] | None, left_out: str = "", spared: tuple[int, int] = (0, 0)
) -> EffectiveResources | list[Problem]:
    """Return the range to search, defaults filled in, or why no node can give it.

    Parameters
    ----------
    offered
        The nodes that take the server's pod, from `offers`, at least one; None where nodes may not be read: then
        nothing is checked, and the range must be given.
    left_out
        The nodes that do not take it, with why; empty where all do.
    spared
        What a default range leaves on the node for a pod that the run can do without: (millicores, bytes). A range that
        is given may take all.
    """
    cpu, memory = resources.cpu, resources.memory
    if offered is None:
        if cpu is None or memory is None:
            return [Problem("spec.resources", "the nodes cannot be read, so cpu and memory must be given here")]
        return EffectiveResources(cpu=cpu, memory=memory)
    best = offered[0]
    cpu = cpu or cpu_up_to(best.for_server.cpu - spared[0])
    memory = memory or memory_up_to(best.for_server.memory - spared[1])
    if cpu is None or memory is None:
        lacking = f"no node has room for a server; {best.room}{_reserved_part(best.reserved)}{_not_counted(left_out)}"
        return [Problem("spec.resources", lacking)]
    searched = EffectiveResources(cpu=cpu, memory=memory)
    ceiling = Limits.ceiling(searched)
    return searched if holders(ceiling, offered) else _too_large(ceiling, offered, _not_counted(left_out))


def holders(size: Limits, offered: Iterable[Offer]) -> list[str]:
    """Return the nodes that have room for a server of a size."""
    return [offer.room.node for offer in offered if offer.for_server.fits(size)]


def _not_counted(left_out: str) -> str:
    return f"; not counted: {left_out}" if left_out else ""


def _too_large(ceiling: Limits, offered: Sequence[Offer], left_out: str) -> list[Problem]:
    """Return what of a ceiling no node can give, with the node that comes closest."""
    most_cpu, most_memory = offered[0], max(offered, key=lambda o: o.for_server.memory)
    cpu_left, memory_left = most_cpu.for_server.cpu, most_memory.for_server.memory
    which = "any node that takes the server" if left_out else "any node"
    problems = []
    if ceiling.cpu > cpu_left:
        problems.append(
            Problem(
                "spec.resources.cpu",
                f"{Quantity.cpu(ceiling.cpu)} is more than {which} can give: {most_cpu.room}"
                f"{_reserved_part((most_cpu.reserved[0], 0))}; at most {Quantity.cpu(max(0, cpu_left))} is possible"
                f"{left_out}",
            )
        )
    if ceiling.memory > memory_left:
        problems.append(
            Problem(
                "spec.resources.memory",
                f"{Quantity.memory(ceiling.memory)} is more than {which} can give: "
                f"{most_memory.room}{_reserved_part((0, most_memory.reserved[1]))}; at most "
                f"{whole_mebibytes(memory_left)} is possible{left_out}",
            )
        )
    return problems or [
        Problem("spec.resources", f"no node has both the CPU and the memory; {most_cpu.room}{left_out}")
    ]


def _reserved_part(reserved: tuple[int, int]) -> str:
    """Return what of a node the rest of the run needs, as the continuation of a sentence."""
    cpu, memory = Quantity.cpu(reserved[0]), Quantity.memory(reserved[1])
    amounts = [*([f"{cpu} CPU"] if reserved[0] else []), *([f"{memory} of memory"] if reserved[1] else [])]
    if not amounts:
        return ""
    return f", of which the load and the other containers of the server's pod need {' and '.join(amounts)}"
