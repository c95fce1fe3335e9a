"""What else took the machine's CPU during a load, by what the generator saw of it, and whether too much. Pure."""

from __future__ import annotations

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import NodeLoad, UsageStatus
from modelprofiler.load.summary import LoadResult

FULL_MACHINE = 0.93
"""Share of a machine's CPU time from which on its processes wait for each other."""
OTHERS_SHARE = 0.15
"""Share of a machine that its own services (kubelet, runtime, monitoring) may take without being held responsible."""
HELD_PERCENT = 50
"""Share of its CFS periods from which on it was its own quota that a server waited for: others would have kept it from
using that up."""


def beside(result: LoadResult, usage: UsageStatus | None) -> NodeLoad | None:
    """Return what else the machine of a load did in its window; None where that is not known at all.

    Other work is what the machine's CPUs were busy with, less what the server and the generator used of them.

    Parameters
    ----------
    result
        Of a load that ran on the server's machine.
    usage
        What the server used; without its CPU other work is not known.
    """
    other = None
    if result.cores is None and result.steal_percent is None:
        return None
    if result.cores and result.busy_percent is not None and usage is not None and usage.cpu is not None:
        busy = result.cores * result.busy_percent / 100
        cores = max(0.0, busy - float(usage.cpu) - (result.cpu_percent or 0.0) / 100)
        other = Quantity.cpu(round(cores * 1000))
    steal = None if result.steal_percent is None else Quantity.decimal(result.steal_percent, 3)
    return NodeLoad(cpus=result.cores, other_cpu=other, steal_percent=steal)


def crowding(result: LoadResult, server_cores: float, usage: UsageStatus | None = None) -> str | None:
    """Return in a part of a sentence that a load's machine was full with other work; None where not, or not known.

    A server that was slow for want of CPU on a full machine says nothing about its own limit.

    Parameters
    ----------
    result
        Of a load that ran on the server's machine.
    server_cores
        The server's CPU limit, in cores: what it may have taken itself.
    usage
        What the server used, as far as it is known.
    """
    if usage is not None and usage.throttled_percent is not None and float(usage.throttled_percent) >= HELD_PERCENT:
        return None
    if result.cores is None or result.busy_percent is None or result.steal_percent is None:
        return None
    taken = result.cores * (result.busy_percent + result.steal_percent) / 100
    others = taken - server_cores - (result.cpu_percent or 0) / 100
    if taken < FULL_MACHINE * result.cores or others < OTHERS_SHARE * result.cores:
        return None
    return (
        f"was full: of its {result.cores} CPUs {result.busy_percent:.0f} % were busy and "
        f"{result.steal_percent:.0f} % were taken by the hypervisor, at least {others:.1f} CPUs of it for others than "
        "the server and the load"
    )
