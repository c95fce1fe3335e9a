"""Which nodes can run the server of a profile, and the range of sizes that follows from what they have left. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelprofiler.api.objects import Object
from modelprofiler.api.pod_template import container_name
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.ranges import Resources
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import EffectiveResources
from modelprofiler.cluster.gather.room import capacity
from modelprofiler.cluster.gather.room.capacity import Offer, Room
from modelprofiler.cluster.gather.room.placement import Placement, nobody_takes, obstacles
from modelprofiler.cluster.manifests.load import load_placement
from modelprofiler.cluster.manifests.pods import HOSTNAME
from modelprofiler.cluster.manifests.reader import CPU_REQUEST as READER_CPU
from modelprofiler.cluster.manifests.reader import MEMORY as READER_MEMORY
from modelprofiler.cluster.manifests.template import server_pod_as_written
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.errors import Problem


@dataclass(frozen=True)
class NoNode:
    """Why no node takes the server's pod, however much it has left."""

    problem: Problem
    may_come: bool = False
    """Whether another node could take it: it is bound neither to a node by name nor to the one of its volumes."""


@dataclass(frozen=True)
class Fitting:
    """The nodes of a cluster as the server of one profile sees them."""

    offered: tuple[Offer, ...]
    """Nodes that take the server's pod, at least one."""
    others: str
    """The nodes that do not take it, with why; empty where all do."""
    spared: tuple[int, int] = (0, 0)
    """What a default range leaves for a node reader: (millicores, bytes)."""

    @classmethod
    def of(
        cls, profile: ModelProfile, settings: Settings, every: Sequence[Room], host: str | None = None
    ) -> Fitting | NoNode:
        """Return the nodes that take the server's pod, or why none does.

        Parameters
        ----------
        every
            What all nodes have left, from `capacity.every_room`.
        host
            Host name of the node that the volumes ask for, if they do.
        """
        pod = server_pod_as_written(profile.spec)
        placement = Placement.of(pod)
        if host is not None and HOSTNAME not in placement.selector:
            placement = replace(placement, selector={**placement.selector, HOSTNAME: host})
        load = Quantity(settings.load_cpu).millicores, Quantity(settings.load_memory).bytes
        load_at = Placement.of(load_placement(profile.spec))
        offered = capacity.offers(
            every,
            placement,
            _others(profile, pod),
            load,
            load_at,
            profile.spec.load.parallelism,
        )
        sites = [room.site for room in every]
        if not offered:
            bound = placement.node_name is not None or host is not None or HOSTNAME in placement.selector
            return NoNode(Problem("spec.server", nobody_takes(placement, sites)), may_come=not bound)
        elsewhere = any(s.name != offered[0].room.node and not load_at.obstacle(s) for s in sites)
        return cls(tuple(offered), obstacles(placement, sites), _reader(settings, elsewhere=elsewhere))

    def range_of(self, profile: ModelProfile) -> EffectiveResources | list[Problem]:
        """Return the range to search, defaults filled in, or why no node can give it."""
        return capacity.effective(profile.spec.resources, self.offered, self.others, self.spared)

    def would_hold_empty(self, resources: Resources) -> bool:
        """Return whether a range would fit if no other pod ran on the nodes."""
        empty = [replace(offer, room=offer.room.emptied()) for offer in self.offered]
        return isinstance(capacity.effective(resources, empty), EffectiveResources)

    def nodes(self, resources: EffectiveResources | None) -> tuple[str, ...]:
        """Return the nodes on which a run of a range may be: those with room for its largest size, or else all."""
        roomy = [] if resources is None else capacity.holders(Limits.ceiling(resources), self.offered)
        return tuple(sorted(roomy or [offer.room.node for offer in self.offered]))


def _reader(settings: Settings, *, elsewhere: bool) -> tuple[int, int]:
    """Return what a node reader requests where there may be one: (millicores, bytes)."""
    if settings.node_reader == "Never" or (settings.node_reader == "Auto" and not elsewhere):
        return 0, 0
    return Quantity(READER_CPU).millicores, Quantity(READER_MEMORY).bytes


def _others(profile: ModelProfile, pod: Object) -> tuple[int, int]:
    """Return what the containers beside the profiled one request: (millicores, bytes)."""
    profiled = container_name(profile.spec)
    others = [c for c in pod.get("containers") or [] if c.get("name") != profiled]
    return capacity.pod_requests({"spec": {**pod, "containers": others}})
