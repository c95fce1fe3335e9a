"""A machine that cannot hold a server to a size: macOS, or Linux without control groups."""

import asyncio
import functools
import os
from pathlib import Path

import pytest

from modelprofiler.api.conditions import ConditionType, Reason
from modelprofiler.host.cgroup import open_cgroup
from modelprofiler.local import placement as placement_module
from modelprofiler.local.engine import Engine
from modelprofiler.local.placement import Placement
from modelprofiler.local.prepared import Prepared
from modelprofiler.local.progress import SilentListener


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away control groups, procfs for finding them, and the keeping of processes to CPUs."""
    nothing = tmp_path / "nothing"
    monkeypatch.setattr(placement_module, "open_cgroup", functools.partial(open_cgroup, root=nothing, proc=nothing))
    for function in ("sched_getaffinity", "sched_setaffinity"):
        monkeypatch.delattr(os, function, raising=False)


@pytest.mark.usefixtures("elsewhere")
def test_without_limits_there_is_an_answer_that_nothing_verifies(prepared: Prepared, tmp_path: Path) -> None:
    """One trial read with psutil, what the model of the queue makes of it, and why it was not tried."""
    host = Placement.of(prepared.resources)
    groups = "no control groups are mounted at /sys/fs/cgroup, which a container may lack"
    reason = f"limits cannot be enforced here, as {groups}"
    assert reason == host.limits_problem
    status = asyncio.run(Engine(prepared, host, tmp_path, SilentListener()).run()).status
    (trial,), (recommendation,) = status.trials, status.recommendations
    assert trial.usage is not None
    assert trial.usage.memory is not None
    assert ("Process", "Process") == (trial.usage.source, trial.usage.memory.peak_source)
    assert (None, True) == (recommendation.verification, reason in recommendation.explanation)
    assert recommendation.limits.cpu is not None
    assert recommendation.limits.memory is not None
    succeeded = next(c for c in status.conditions if c.type == ConditionType.SUCCEEDED)
    assert Reason.NOT_VERIFIED == succeeded.reason
    assert any(reason in warning for warning in host.warnings)
