"""What the operator has read of a cluster, as values: for the tests of what follows from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.cluster.objects import BIG, SMALL, load_result, load_status, now, profile

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import ActiveTrial, MemoryUsage, Outcome, Purpose, Stage, Trial, UsageStatus
from modelprofiler.cluster.decide.run import RunInCluster
from modelprofiler.cluster.gather.observation import LoadJob, Measured, Pod, Server, Termination
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.core.steps import RunTrial, Step

USAGE = UsageStatus(
    cpu=Quantity("150m"),
    cpu_time_per_request=Duration("3ms"),
    samples=3,
    source="Kubelet",
    memory=MemoryUsage(peak=Quantity("200Mi"), peak_source="WorkingSet"),
)
READ = Measured(USAGE, complete=True)
PARTLY = Measured(USAGE, complete=False)
NOTHING = Measured(None, complete=False)

REFERENCE = RunTrial(Purpose.REFERENCE, BIG, fresh=True, window="Measure", reason="")
BRACKET = RunTrial(Purpose.BRACKET, SMALL, fresh=False, window="Decide", reason="")
CONFIRM = RunTrial(Purpose.CONFIRM, SMALL, fresh=True, window="Measure", reason="")


def a_pod(limits: Limits = BIG, **changes: Any) -> Pod:
    """Return a pod that has been ready since the third second."""
    default = Pod(
        name="p",
        uid="pod-uid",
        node="node1",
        created=now(0),
        deleting=False,
        phase="Running",
        reason="",
        ready_at=now(3),
        container_started_at=now(1),
        restarts=0,
        waiting=None,
        termination=None,
        unschedulable="",
        desired=limits,
        actual=limits,
        resize=None,
        image="scoring",
        ip="198.18.1.7",
    )
    return replace(default, **changes)


READY = a_pod()
STARTING = a_pod(ready_at=None)
KILLED = Termination("server", "OOMKilled", 137, "")


def a_server(incarnation: int = 1, pod: Pod | None = READY, limits: Limits = BIG, **changes: Any) -> Server:
    """Return a server."""
    default = Server(f"mp-s{incarnation}", incarnation, now(0), deleting=False, limits=limits, refusal="", pod=pod)
    return replace(default, **changes)


def a_job(trial: int = 1, step: RunTrial = REFERENCE, incarnation: int = 1, **changes: Any) -> LoadJob:
    """Return the Job of a trial, under way since the hundredth second."""
    default = LoadJob(
        name=f"mp-t{trial}",
        trial=trial,
        purpose=step.purpose,
        limits=step.limits,
        window=step.window,
        incarnation=incarnation,
        server_pod="pod-uid",
        created=now(99),
        deleting=False,
        finished_at=None,
        result=None,
        failure="",
        stuck="",
    )
    return replace(default, **changes)


def ended(trial: int = 1, step: RunTrial = REFERENCE, p95: float = 0.04, **changes: Any) -> LoadJob:
    """Return the Job of a trial whose load ended in second 112."""
    return a_job(trial, step, **{"finished_at": now(112), "result": load_result(load_status(p95)), **changes})


def a_row(index: int = 1, step: RunTrial = REFERENCE, **changes: Any) -> Trial:
    """Return a finished trial that passed."""
    fields: dict[str, Any] = {
        "index": index,
        "purpose": step.purpose,
        "limits": step.limits.to_size(),
        "fresh": step.fresh,
        "outcome": Outcome.PASSED,
        "load": load_status(),
        "usage": USAGE,
        "start_time": now(0),
        "completion_time": now(99),
    }
    return Trial(**{**fields, **changes})


def a_run(step: Step = REFERENCE, *trials: Trial, at: float = 120, **changes: Any) -> RunInCluster:
    """Return a run that wants to do a step."""
    default = RunInCluster(
        profile=profile(),
        run_hash="abc",
        settings=Settings(),
        trials=trials,
        step=step,
        active=None,
        now=now(at),
    )
    return replace(default, **changes)


def active(index: int = 1, since: float = 0, stage: Stage = Stage.STARTING) -> ActiveTrial:
    """Return what the status says of the trial in progress."""
    return ActiveTrial(
        index=index, purpose=Purpose.REFERENCE, limits=BIG.to_size(), stage=stage, message="", start_time=now(since)
    )
