"""The row of a trial that has ended: from what the load left, what the server used and what went wrong. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import Stage, Trial, UsageStatus
from modelprofiler.cluster.decide.run import Move, RunInCluster, TrialInProgress
from modelprofiler.cluster.gather.observation import LoadJob, Measured, Observation, Server
from modelprofiler.core.crowding import other_work
from modelprofiler.core.evidence import Attempt, Evidence, Failure, failure_of_load
from modelprofiler.core.trial import finished_trial, needs_usage, with_late_usage
from modelprofiler.load.result import LoadResult

LATE_SAMPLES_SECONDS = 25.0
"""cAdvisor samples every 10 to 20 s, so a sample that has not arrived by then will not arrive."""


def late_usage(run: RunInCluster, seen: Observation) -> Trial | None:
    """Return the row of a finished trial with the usage that has arrived since it was recorded, or None."""
    for job in seen.jobs:
        row = run.recorded(job)
        if row is None or row.usage is not None or not job.measured or not job.measured.usage or not job.result:
            continue
        if job.measured.complete or seconds_since(job.finished_at, run.now) > LATE_SAMPLES_SECONDS:
            machine = _on_machine(seen.server(job.incarnation), job)
            node = other_work(replace(machine, usage=job.measured.usage))
            return with_late_usage(run.profile.spec, run.trials, row.index, job.measured.usage, node)
    return None


def end_of_load(
    run: RunInCluster,
    trial: TrialInProgress,
    server: Server | None,
    job: LoadJob,
    result: LoadResult,
    failed: Failure | None,
) -> Move:
    """Record a trial whose load has ended, when its usage is there or is not needed yet."""
    failed = failed or failure_of_load(result)
    if failed is not None:
        return Move(record=row_of(run, trial, server, failed, result), record_result=result, wake=0)
    measured = job.measured or Measured(None, complete=False)
    waited = seconds_since(job.finished_at, run.now)
    needed = needs_usage(run.profile.spec, trial.window)
    if needed and not measured.complete and waited < run.settings.samples_timeout_seconds:
        return Move((), trial.at(Stage.MEASURING, "waiting for samples of the container"))
    usage = measured.usage if needed or measured.complete else None
    problem = measured.problem or _too_few(usage, waited)
    return Move(record=row_of(run, trial, server, None, result, usage, problem), record_result=result, wake=0)


def _too_few(usage: UsageStatus | None, waited: float) -> str:
    count = usage.samples if usage else 0
    samples = {0: "no sample", 1: "only 1 sample"}.get(count, f"only {count} samples")
    memory_alone = usage is not None and usage.cpu is None and usage.memory is not None
    what = "CPU usage" if memory_alone else "usage"
    return f"{samples} of the container arrived within {waited:.0f}s after the load, too few to compute its {what}"


def row_of(
    run: RunInCluster,
    trial: TrialInProgress,
    server: Server | None,
    failed: Failure | None,
    result: LoadResult | None = None,
    usage: UsageStatus | None = None,
    usage_problem: str = "",
) -> Trial:
    """Return the row of a finished trial."""
    pod = server.pod if server else None
    fresh = trial.fresh or (server is not None and server.incarnation == trial.index)
    ready = None
    if fresh and pod and pod.ready_at and pod.container_started_at:
        ready = Duration.of(max(0.0, (pod.ready_at - pod.container_started_at).total_seconds()))
    attempt = Attempt(trial.index, trial.purpose, trial.limits, fresh, trial.window, trial.started)
    evidence = replace(
        _on_machine(server, trial.job),
        failure=failed,
        load=result,
        usage=usage,
        usage_problem=usage_problem,
        time_to_ready=ready,
    )
    return finished_trial(run.profile.spec, attempt, evidence, run.now, run.trials)


def _on_machine(server: Server | None, job: LoadJob | None) -> Evidence:
    """Return evidence that says where the load ran and what the server's whole node used."""
    pod = server.pod if server else None
    if pod is None or job is None or not pod.node or not job.node:
        return Evidence(load_on_machine=False)
    cores = job.measured.node_cores if job.measured is not None else None
    return Evidence(
        load=job.result, machine=f"node {pod.node}", load_on_machine=job.runs_on(pod.node), machine_cores=cores
    )


def seconds_since(moment: datetime | None, now: datetime) -> float:
    """Return the seconds from a moment until now; 0 where the moment is not known."""
    return (now - moment).total_seconds() if moment else 0.0
