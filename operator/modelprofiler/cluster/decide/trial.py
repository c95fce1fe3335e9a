"""From what a run has recorded and what the cluster shows to what is done next. Pure.

A trial goes Starting (a fresh server) or Resizing (the running one) -> Loading (its Job runs) -> Measuring (samples
are awaited) -> recorded. None of it is remembered: each stage is read off the children, so the operator may die
between any two lines. A result is recorded first, and what produced it deleted afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from modelprofiler.api.quantities import Duration
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import ActiveTrial, Outcome, Purpose, Stage, Trial, UsageStatus
from modelprofiler.cluster.decide import failures
from modelprofiler.cluster.gather.observation import LoadJob, Measured, Observation, Pod, Server
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.core.crowding import other_work
from modelprofiler.core.evidence import Attempt, Evidence, Failure, failure_of_load
from modelprofiler.core.pause import not_before
from modelprofiler.core.steps import RunTrial, Step, Window
from modelprofiler.core.trial import finished_trial, needs_usage, with_late_usage
from modelprofiler.load.result import LoadResult

RESIZE_TIMEOUT_SECONDS = 20.0
"""The kubelet applies a resize within a few seconds or says that it cannot; afterwards a fresh pod is quicker."""

LATE_SAMPLES_SECONDS = 25.0
"""cAdvisor samples every 10-20 s: what has not come by then does not come."""

SPARSEST_SAMPLES_SECONDS = 20.0
"""Between two samples of cAdvisor there are at most so many; what was used is a difference of two."""

GENERATOR_START_SECONDS = 90.0
"""A load pod has to be placed, pull its image and start."""

USUAL_START_SECONDS = 5.0
"""Nobody needs to hear why a load pod does not run yet before."""

POLL_SECONDS = 2.0
LOAD_POLL_SECONDS = 5.0


@dataclass(frozen=True)
class CreateServer:
    """Start the server at a size."""

    incarnation: int
    limits: Limits
    host: str | None


@dataclass(frozen=True)
class DeleteServer:
    """Remove a server's Deployment and Service."""

    name: str


@dataclass(frozen=True)
class Resize:
    """Resize the running pod in place; where the API server refuses, the server is removed instead."""

    server: str
    pod: str
    limits: Limits


@dataclass(frozen=True)
class CreateJob:
    """Send the load."""

    trial: int
    purpose: Purpose
    limits: Limits
    window: str
    server: Server
    pod: Pod


@dataclass(frozen=True)
class DeleteJob:
    """Remove a load Job and its pod."""

    name: str


Action = CreateServer | DeleteServer | Resize | CreateJob | DeleteJob


@dataclass(frozen=True)
class Decision:
    """What to do now, what to write down, and when to look again."""

    actions: tuple[Action, ...] = ()
    active: ActiveTrial | None = None
    record: Trial | None = None
    """A finished trial to append."""
    record_result: LoadResult | None = None
    """What its load left, for the report."""
    amend: Trial | None = None
    """A finished trial whose usage has come in, to replace its row."""
    idle: bool = False
    """Nothing of the run is left in the cluster."""
    wake: float = POLL_SECONDS
    """Seconds until the next look, if no child changes before."""


@dataclass(frozen=True)
class Run:
    """What is known of a run besides its children."""

    profile: ModelProfile
    run_hash: str
    settings: Settings
    trials: Sequence[Trial]
    step: Step
    active: ActiveTrial | None
    now: datetime
    hold: bool = False
    """Begin no trial: the profile is suspended. One whose load runs is finished."""
    node: str | None = None
    """Node of the reference trial, once there is one."""
    host: str | None = None
    """Host name of the node that the volumes ask for, if they do."""

    @property
    def ready_within(self) -> float:
        """Seconds that a server may take until it is ready."""
        objective = self.profile.spec.objectives.max_time_to_ready
        longest = self.settings.ready_timeout_seconds
        return min(longest, objective.seconds) if objective else longest


def decide(run: Run, seen: Observation) -> Decision:
    """Return what follows from what a run has recorded and what the cluster shows."""
    amended = _late_usage(run, seen)
    if amended is not None:
        return Decision(amend=amended, wake=0)
    unsettled, done = _settle(run, seen)
    trial = _trial(run, seen)
    if trial is None:
        return _wind_down(seen, unsettled, done)
    return _with(done, _advance(run, seen, trial, unsettled))


@dataclass(frozen=True)
class _Trial:
    """The trial in progress."""

    index: int
    purpose: Purpose
    limits: Limits
    fresh: bool
    window: str
    started: datetime
    job: LoadJob | None

    def at(self, stage: Stage, message: str) -> ActiveTrial:
        return ActiveTrial(
            index=self.index,
            purpose=self.purpose,
            limits=self.limits.to_size(),
            stage=stage,
            message=message[:1024],
            start_time=self.started,
        )


def _trial(run: Run, seen: Observation) -> _Trial | None:
    """Return the trial in progress: the one whose Job runs, as it was begun, or else the next step."""
    index = len(run.trials) + 1
    started = run.active.start_time if run.active and run.active.index == index else run.now
    # A pause before it is not a part of it: it says when it will begin.
    started = max(started, not_before(run.trials) or started)
    job = seen.job(index)
    if job is not None:
        fresh = job.incarnation == index
        return _Trial(index, job.purpose, job.limits, fresh, job.window, started, job)
    if run.hold or not isinstance(run.step, RunTrial):
        return None
    step = run.step
    return _Trial(index, step.purpose, step.limits, step.fresh, step.window, started, None)


def _with(done: tuple[Action, ...], decision: Decision) -> Decision:
    return replace(decision, actions=done + decision.actions)


def _late_usage(run: Run, seen: Observation) -> Trial | None:
    """Return the row of a finished trial with the usage that has come in since, or None."""
    for job in seen.jobs:
        row = _row(run, job)
        if row is None or row.usage is not None or not job.measured or not job.measured.usage or not job.result:
            continue
        if job.measured.complete or _seconds_since(job.finished_at, run.now) > LATE_SAMPLES_SECONDS:
            machine = _on_machine(seen.server(job.incarnation), job)
            node = other_work(replace(machine, usage=job.measured.usage))
            return with_late_usage(run.profile.spec, run.trials, row.index, job.measured.usage, node)
    return None


def _settle(run: Run, seen: Observation) -> tuple[bool, tuple[Action, ...]]:
    """Return whether usage of a recorded trial may still come in, and the Jobs that have nothing left to tell."""
    waiting, done = False, []
    for job in seen.jobs:
        row = _row(run, job)
        if row is None or job.deleting:
            continue
        server = seen.server(job.incarnation)
        alive = server is not None and server.pod is not None and not server.pod.gone
        late = _seconds_since(job.finished_at, run.now) > LATE_SAMPLES_SECONDS
        # A trial that says nothing about its size runs again: nobody will ask what it used.
        open_ = row.usage is None and row.load is not None and row.outcome is not Outcome.GENERATOR_SATURATED
        if job.result is not None and open_ and alive and not late:
            waiting = True
        else:
            done.append(DeleteJob(job.name))
    return waiting, tuple(done)


def _row(run: Run, job: LoadJob) -> Trial | None:
    return run.trials[job.trial - 1] if job.trial <= len(run.trials) else None


def _wind_down(seen: Observation, unsettled: bool, done: tuple[Action, ...]) -> Decision:
    """Remove what is left, once nothing more is to be learnt from it."""
    if unsettled:
        return Decision(done)
    gone: tuple[Action, ...] = tuple(DeleteServer(server.name) for server in seen.servers if not server.deleting)
    # Those of trials that were never recorded too, which a status that was rolled back leaves behind.
    loads = tuple(DeleteJob(job.name) for job in seen.jobs if not job.deleting)
    left = bool(seen.servers or seen.jobs)
    return Decision(loads + gone, idle=not left)


def _advance(run: Run, seen: Observation, trial: _Trial, unsettled: bool) -> Decision:
    if trial.job is not None:
        return _under_load(run, seen, trial, trial.job)
    if (pause := (trial.started - run.now).total_seconds()) > 0:
        message = f"pausing until {trial.started:%H:%M:%S} UTC: the trial before said nothing about its size"
        return Decision((), trial.at(Stage.STARTING, message), wake=pause)
    current = seen.servers[-1] if seen.servers else None
    own = current is not None and current.incarnation == trial.index
    # The step may have changed since its server was started: another objective, another range.
    if current is not None and own and current.limits == trial.limits:
        return _begin(run, trial, current)
    if current is not None and not own and not trial.fresh and _reusable(current):
        return _resized(run, trial, current)
    if current is not None:
        return _clear(run, seen, trial, unsettled)
    host = seen.hosts.get(run.node) if run.node else run.host
    message = f"starting the server at {trial.limits}"
    return Decision((CreateServer(trial.index, trial.limits, host),), trial.at(Stage.STARTING, message))


def _reusable(server: Server) -> bool:
    pod = server.pod
    return (
        not server.deleting
        and pod is not None
        and not pod.gone
        and pod.termination is None
        and pod.ready_at is not None
    )


def _clear(run: Run, seen: Observation, trial: _Trial, unsettled: bool) -> Decision:
    """Make room for a fresh server: the old one goes when its last usage is recorded."""
    if unsettled:
        return Decision((), trial.at(Stage.MEASURING, "waiting for the last samples of the previous trial"))
    gone = tuple(DeleteServer(server.name) for server in seen.servers if not server.deleting)
    return Decision(gone, trial.at(Stage.STARTING, "waiting for the previous server to go"))


def _resized(run: Run, trial: _Trial, server: Server) -> Decision:
    """Bring the running server to the trial's size, then send the load."""
    pod = server.pod
    assert pod is not None
    if pod.desired == trial.limits and pod.actual == trial.limits and pod.resize is None:
        return _send(trial, server, pod)
    message = f"resizing the running pod to {trial.limits}"
    if pod.desired != trial.limits:
        return Decision((Resize(server.name, pod.name, trial.limits),), trial.at(Stage.RESIZING, message))
    reason, said = pod.resize or ("", "")
    waited = (run.now - trial.started).total_seconds()
    if reason in ("Infeasible", "Error") or waited > RESIZE_TIMEOUT_SECONDS:
        why = f"the pod was not resized ({reason} {said}); starting a fresh one".replace("( )", "in time")
        return Decision((DeleteServer(server.name),), trial.at(Stage.STARTING, why))
    return Decision((), trial.at(Stage.RESIZING, message))


def _begin(run: Run, trial: _Trial, server: Server) -> Decision:
    """Wait until the fresh server is ready, then send the load."""
    failed = failures.failure(server, run.settings, run.now, run.ready_within)
    if failed is not None:
        return Decision(record=_finished(run, trial, server, failed), wake=0)
    pod = server.pod
    if pod is None or pod.ready_at is None or server.deleting:
        waiting = pod.waiting[0] if pod and pod.waiting else pod.unschedulable if pod else ""
        message = f"waiting for the server to be ready at {trial.limits}" + (f": {waiting}" if waiting else "")
        return Decision((), trial.at(Stage.STARTING, message))
    load = run.profile.spec.load
    if trial.window == "Measure" and load.warmup.seconds + load.duration.seconds < SPARSEST_SAMPLES_SECONDS:
        still = SPARSEST_SAMPLES_SECONDS - (run.now - pod.ready_at).total_seconds()
        if still > 0:
            message = "waiting for a sample before the load, which is too short for two"
            return Decision((), trial.at(Stage.STARTING, message), wake=still)
    if pod.desired is not None and pod.desired != trial.limits:
        # That of a Deployment of the same name before, or somebody changes our pods: never measured as this size.
        if (run.now - server.created).total_seconds() <= run.settings.schedule_timeout_seconds:
            return Decision((), trial.at(Stage.STARTING, f"waiting for a pod at {trial.limits}, not {pod.desired}"))
        changed = (
            f"the pod was created at {pod.desired} instead of {trial.limits}; does an autoscaler change pods here?"
        )
        return Decision(record=_finished(run, trial, server, Failure(Outcome.DISTURBED, changed)), wake=0)
    return _send(trial, server, pod)


def _send(trial: _Trial, server: Server, pod: Pod) -> Decision:
    action = CreateJob(trial.index, trial.purpose, trial.limits, trial.window, server, pod)
    return Decision((action,), trial.at(Stage.LOADING, f"sending the load at {trial.limits}"))


def _under_load(run: Run, seen: Observation, trial: _Trial, job: LoadJob) -> Decision:
    server = seen.server(job.incarnation)
    failed = failures.disturbance(server, job)
    if job.result is not None:
        return _finish(run, trial, server, job, job.result, failed)
    if failed is None and job.failure:
        failed = Failure(Outcome.LOAD_FAILED, job.failure)
    if failed is None and job.deleting:
        failed = Failure(Outcome.LOAD_FAILED, "the load Job was deleted")
    age = (run.now - job.created).total_seconds()
    if failed is None and job.stuck and age > GENERATOR_START_SECONDS:
        failed = Failure(Outcome.LOAD_FAILED, f"the load pod does not start: {job.stuck}")
    if failed is not None:
        return Decision(record=_finished(run, trial, server, failed), wake=0)
    waiting = job.stuck and age > USUAL_START_SECONDS
    message = f"waiting for the load pod: {job.stuck}" if waiting else f"sending the load at {job.limits}"
    return Decision((), trial.at(Stage.LOADING, message), wake=LOAD_POLL_SECONDS)


def _finish(
    run: Run, trial: _Trial, server: Server | None, job: LoadJob, result: LoadResult, failed: Failure | None
) -> Decision:
    """Record a trial whose load has ended, when its usage is there or is not needed yet."""
    failed = failed or failure_of_load(result)
    if failed is not None:
        return Decision(record=_finished(run, trial, server, failed, result), record_result=result, wake=0)
    measured = job.measured or Measured(None, complete=False)
    waited = _seconds_since(job.finished_at, run.now)
    needed = needs_usage(run.profile.spec, _window(trial.window))
    if needed and not measured.complete and waited < run.settings.samples_timeout_seconds:
        return Decision((), trial.at(Stage.MEASURING, "waiting for samples of the container"))
    usage = measured.usage if needed or measured.complete else None
    problem = measured.problem or _too_few(usage, waited)
    return Decision(record=_finished(run, trial, server, None, result, usage, problem), record_result=result, wake=0)


def _too_few(usage: UsageStatus | None, waited: float) -> str:
    count = usage.samples if usage else 0
    samples = {0: "no sample", 1: "only 1 sample"}.get(count, f"only {count} samples")
    return f"{samples} of the container came within {waited:.0f}s of the load, too few for what it used"


def _finished(
    run: Run,
    trial: _Trial,
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
    attempt = Attempt(trial.index, trial.purpose, trial.limits, fresh, _window(trial.window), trial.started)
    evidence = replace(
        _on_machine(server, trial.job),
        failure=failed,
        load=result,
        usage=usage,
        usage_problem=usage_problem,
        time_to_ready=ready,
    )
    return finished_trial(run.profile.spec, attempt, evidence, run.now, run.trials)


def _window(text: str) -> Window:
    return "Measure" if text == "Measure" else "Decide"


def _on_machine(server: Server | None, job: LoadJob | None) -> Evidence:
    """Return evidence that says where the load ran and what the server's whole node used."""
    pod = server.pod if server else None
    if pod is None or job is None or not pod.node or not job.node:
        return Evidence(load_on_machine=False)
    cores = job.measured.node_cores if job.measured is not None else None
    return Evidence(
        load=job.result, machine=f"node {pod.node}", load_on_machine=job.node == pod.node, machine_cores=cores
    )


def _seconds_since(moment: datetime | None, now: datetime) -> float:
    return (now - moment).total_seconds() if moment else 0.0
