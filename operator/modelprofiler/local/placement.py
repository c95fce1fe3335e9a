"""Where a run is placed on this machine: the CPUs of the server and of the load, and whether limits can be enforced."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from modelprofiler.api.status import EffectiveResources
from modelprofiler.core.axis import Limits
from modelprofiler.errors import LimitsUnavailable
from modelprofiler.host.cgroup import open_cgroup
from modelprofiler.host.control_group import Cgroup
from modelprofiler.host.cpus import CpuPlan, available_cpus, same_core, split


@dataclass(frozen=True, slots=True)
class Placement:
    """What a run may use of this machine.

    Attributes
    ----------
    cpus
        The CPUs of the server and of the load generator.
    limits_problem
        Why limits cannot be enforced, as a part of a sentence; None where they can.
    """

    cpus: CpuPlan
    limits_problem: str | None = None

    @classmethod
    def of(cls, resources: EffectiveResources) -> Self:
        """Return the placement of a run over a range, after removing the control groups of runs that have ended."""
        cores = math.ceil(Limits.ceiling(resources).cpu / 1000)
        plan = split(available_cpus(), cores, same_core())
        try:
            probe = open_cgroup("probe")
        except LimitsUnavailable as error:
            return cls(plan, f"limits cannot be enforced here, as {error}")
        probe.remove()
        return cls(plan)

    @property
    def enforces_limits(self) -> bool:
        """Whether a server runs at the size of its trial."""
        return self.limits_problem is None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What limits the numbers that are measured here, one sentence each."""
        warnings = [self.cpus.sentence] if self.cpus.shared else []
        if self.limits_problem is not None:
            warnings.append(f"{self.limits_problem}: the server is measured without limits, and no size is verified")
        return tuple(warnings)

    def cgroup(self, name: str) -> Cgroup | None:
        """Return a new control group for a server; None where limits cannot be enforced.

        Raises
        ------
        LimitsUnavailable
            Control groups were available when the run began and no longer are.
        """
        return open_cgroup(name) if self.enforces_limits else None
