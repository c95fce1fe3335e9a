"""Other work on the server's machine during a load: how much CPU it took, and whether that was too much."""

from __future__ import annotations

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import NodeLoad, UsageStatus
from modelprofiler.core.evidence import Evidence, LoadEvidence

FULL_MACHINE = 0.93
"""Share of a machine's CPU time from which on its processes wait for each other."""
OTHERS_SHARE = 0.15
"""Share of a machine that its own services (kubelet, runtime, monitoring) may take without being held responsible."""
HELD_PERCENT = 50
"""Share of its CFS periods from which on it was its own quota that a server waited for: others would have kept it from
using that up."""


def other_work(evidence: Evidence) -> NodeLoad | None:
    """Return what else the server's machine did in the window of a load; None where that is not known at all.

    A generator on that machine saw how busy its CPUs were: other work is that, less what the server and the generator
    used. Elsewhere it is what a kubelet counted for the whole node, less what the server used.
    """
    load, usage = evidence.load, evidence.usage
    server_cores = float(usage.cpu) if usage is not None and usage.cpu is not None else None
    if load is None:
        return None
    if not evidence.load_on_machine:
        if evidence.machine_cores is None or server_cores is None:
            return None
        return NodeLoad(other_cpu=_millicores(evidence.machine_cores - server_cores))
    if load.cores is None and load.steal_percent is None:
        return None
    other = None
    if load.cores and load.busy_percent is not None and server_cores is not None:
        busy = load.cores * load.busy_percent / 100
        other = _millicores(busy - server_cores - (load.cpu_percent or 0.0) / 100)
    steal = None if load.steal_percent is None else Quantity.decimal(load.steal_percent, 3)
    return NodeLoad(cpus=load.cores, other_cpu=other, steal_percent=steal)


def _millicores(cores: float) -> Quantity:
    return Quantity.cpu(round(max(0.0, cores) * 1000))


def crowding(load: LoadEvidence, server_cores: float, usage: UsageStatus | None = None) -> str | None:
    """Return in a part of a sentence that a load's machine was full with other work; None where not, or not known.

    A server that was slow for want of CPU on a full machine says nothing about its own limit.

    Parameters
    ----------
    load
        Of a load that ran on the server's machine.
    server_cores
        The server's CPU limit, in cores: what it may have taken itself.
    usage
        What the server used, as far as it is known.
    """
    if usage is not None and usage.throttled_percent is not None and float(usage.throttled_percent) >= HELD_PERCENT:
        return None
    if load.cores is None or load.busy_percent is None or load.steal_percent is None:
        return None
    taken = load.cores * (load.busy_percent + load.steal_percent) / 100
    others = taken - server_cores - (load.cpu_percent or 0) / 100
    if taken < FULL_MACHINE * load.cores or others < OTHERS_SHARE * load.cores:
        return None
    return (
        f"was full: of its {load.cores} CPUs {load.busy_percent:.0f} % were busy and "
        f"{load.steal_percent:.0f} % were taken by the hypervisor, at least {others:.1f} CPUs of it for others than "
        "the server and the load"
    )
