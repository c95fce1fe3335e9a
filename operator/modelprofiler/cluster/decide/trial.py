"""What a run does next, from what it has recorded and what the cluster shows. Pure.

A trial goes Starting (a fresh server) or Resizing (the running one) -> Loading (its Job runs) -> Measuring (samples
are awaited) -> recorded. None of it is remembered: each stage is read off the children, so the operator may die
between any two lines. A result is recorded first, and what produced it deleted afterwards.
"""

from __future__ import annotations

from dataclasses import replace

from modelprofiler.api.trial import Outcome, Purpose, Stage
from modelprofiler.cluster.decide import failures, reader
from modelprofiler.cluster.decide.actions import (
    Action,
    CreateJob,
    CreateOtherLoads,
    CreateServer,
    DeleteJob,
    DeleteServer,
    Resize,
)
from modelprofiler.cluster.decide.finish import LATE_SAMPLES_SECONDS, end_of_load, late_usage, row_of, seconds_since
from modelprofiler.cluster.decide.run import Move, RunInCluster, TrialInProgress
from modelprofiler.cluster.gather.observation import LoadJob, Observation, Pod, Server
from modelprofiler.core.evidence import Failure
from modelprofiler.core.steps import RunTrial
from modelprofiler.core.text import LONGEST_LAST_WORDS, head, printable

RESIZE_TIMEOUT_SECONDS = 20.0
"""The kubelet applies a resize within a few seconds or says that it cannot. After that a fresh pod is quicker."""

SPARSEST_SAMPLES_SECONDS = 20.0
"""Two samples of cAdvisor are at most this far apart; what was used is a difference of two."""

USUAL_START_SECONDS = 5.0
"""Every load pod needs this long to start, so until then the message does not say why it is not running yet."""

LEAVING_SECONDS = 60.0
"""The pod of an earlier server ends within seconds, since its grace period is short. One that is there after a minute
is on a node that does not answer: nothing more will be measured there."""

LOAD_POLL_SECONDS = 5.0
"""While a load runs, usage is sampled with each look; the end of the load is an event."""


def next_move(run: RunInCluster, seen: Observation) -> Move:
    """Return what the run does now: add usage to a recorded trial, advance the trial in progress, or clean up.

    Without a trial in progress, and with nothing left in the cluster, the move is `idle`.
    """
    amended = late_usage(run, seen)
    if amended is not None:
        return Move(amend=amended, wake=0)
    awaiting_usage, deletions = _recorded_jobs(run, seen)
    trial = TrialInProgress.of(run, seen.job(len(run.trials) + 1))
    if trial is None:
        return _clean_up(seen, awaiting_usage, deletions)
    move = _advance(run, seen, trial, awaiting_usage)
    return replace(move, actions=deletions + move.actions)


def _recorded_jobs(run: RunInCluster, seen: Observation) -> tuple[bool, tuple[Action, ...]]:
    """Return whether usage of a recorded trial may still arrive, and the deletion of the Jobs that need no more."""
    awaiting_usage, deletions = False, []
    for job in seen.jobs:
        row = run.recorded(job)
        if row is None or job.deleting:
            continue
        server = seen.server(job.incarnation)
        alive = server is not None and server.pod is not None and not server.pod.gone
        late = seconds_since(job.finished_at, run.now) > LATE_SAMPLES_SECONDS
        # A trial that says nothing about its size runs again: its usage is not needed.
        incomplete = row.usage is None and row.load is not None and row.outcome is not Outcome.GENERATOR_SATURATED
        if job.result is not None and incomplete and alive and not late:
            awaiting_usage = True
        else:
            deletions += [DeleteJob(name) for name in job.names]
    return awaiting_usage, tuple(deletions)


def _clean_up(seen: Observation, awaiting_usage: bool, deletions: tuple[Action, ...]) -> Move:
    """Delete every child of a run without a trial in progress, once no more usage is awaited."""
    if awaiting_usage:
        return Move(deletions)
    servers: tuple[Action, ...] = tuple(DeleteServer(server.name) for server in seen.servers if not server.deleting)
    servers += reader.leftover(seen)
    # Also Jobs of trials that are not in the status: somebody may have restored an older status.
    jobs = tuple(DeleteJob(name) for job in seen.jobs if not job.deleting for name in job.names)
    left = bool(seen.servers or seen.jobs or seen.readers)
    return Move(jobs + servers, idle=not left)


def _advance(run: RunInCluster, seen: Observation, trial: TrialInProgress, awaiting_usage: bool) -> Move:
    """Bring a trial one stage further.

    Before the load Job exists, the newest server decides what happens:

    ==================================================  ==================================
    started for this trial, at its present size         wait until it is ready, send load
    started for an earlier trial; may be resized, ready  resize it, send load
    any other                                           delete it
    none                                                start one
    ==================================================  ==================================
    """
    if trial.job is not None:
        return _under_load(run, seen, trial, trial.job)
    if (pause := (trial.started - run.now).total_seconds()) > 0:
        message = f"pausing until {trial.started:%H:%M:%S} UTC, because the previous trial was inconclusive"
        return Move((), trial.at(Stage.STARTING, message), wake=pause)
    current = seen.servers[-1] if seen.servers else None
    own = current is not None and current.incarnation == trial.index
    # The step may have changed since its server was started: another objective, another range.
    if current is not None and own and current.limits == trial.limits:
        return _with_reader(run, seen, trial, current, _begin(run, seen, trial, current))
    if current is not None and not own and not trial.fresh and _reusable(current):
        return _with_reader(run, seen, trial, current, _resized(run, trial, current))
    if current is not None:
        return _clear(run, seen, trial, awaiting_usage)
    if seen.leaving and (run.now - trial.started).total_seconds() < LEAVING_SECONDS:
        names = ", ".join(seen.leaving)
        return Move((), trial.at(Stage.STARTING, f"waiting for pod {names} of the previous server to end"))
    host = seen.hosts.get(run.node) if run.node else run.host
    # What the next look says as well, so that the status is not written again for it.
    message = f"waiting for the server to be ready at {trial.limits}"
    return Move((CreateServer(trial.index, trial.limits, host),), trial.at(Stage.STARTING, message))


def _reusable(server: Server) -> bool:
    pod = server.pod
    return (
        not server.deleting
        and pod is not None
        and not pod.gone
        and pod.termination is None
        and pod.ready_at is not None
    )


def _clear(run: RunInCluster, seen: Observation, trial: TrialInProgress, awaiting_usage: bool) -> Move:
    """Delete the old server, which a fresh one is to replace, as soon as its last usage is recorded."""
    if awaiting_usage:
        return Move((), trial.at(Stage.MEASURING, "waiting for the last samples of the previous trial"))
    deletions = tuple(DeleteServer(server.name) for server in seen.servers if not server.deleting)
    return Move(deletions, trial.at(Stage.STARTING, "waiting for the previous server to be deleted"))


def _resized(run: RunInCluster, trial: TrialInProgress, server: Server) -> Move:
    """Bring the running server to the trial's size, then send the load."""
    pod = server.pod
    assert pod is not None
    if pod.desired == trial.limits and pod.actual == trial.limits and pod.resize is None:
        return _send(run, trial, server, pod)
    message = f"resizing the running pod to {trial.limits}"
    if pod.desired != trial.limits:
        return Move((Resize(server.name, pod.name, trial.limits),), trial.at(Stage.RESIZING, message))
    reason, detail = pod.resize or ("", "")
    waited = (run.now - trial.started).total_seconds()
    if reason in ("Infeasible", "Error") or waited > RESIZE_TIMEOUT_SECONDS:
        why = f"the pod was not resized ({reason} {detail}); starting a fresh one".replace("( )", "in time")
        return Move((DeleteServer(server.name),), trial.at(Stage.STARTING, why))
    return Move((), trial.at(Stage.RESIZING, message))


def _begin(run: RunInCluster, seen: Observation, trial: TrialInProgress, server: Server) -> Move:
    """Wait until the fresh server is ready, then send the load."""
    failed = failures.failure(server, run.settings, run.now, run.ready_within, seen)
    if failed is not None:
        return Move(record=row_of(run, trial, server, failed), wake=0)
    pod = server.pod
    if pod is None or pod.ready_at is None or server.deleting:
        waiting = _what_holds_it_up(pod) if pod else ""
        installing = pod is not None and pod.installed is False
        what = "the packages to be installed for the server" if installing else "the server to be ready"
        if pod and pod.unschedulable and not pod.waiting and run.settings.nodes_autoscaled:
            what = f"a node, which an autoscaler may bring within {run.settings.placement_seconds:g} s, for the server"
        message = f"waiting for {what} at {trial.limits}" + (f": {waiting}" if waiting else "")
        return Move((), trial.at(Stage.STARTING, message))
    load = run.profile.spec.load
    if trial.window == "Measure" and load.warmup.seconds + load.duration.seconds < SPARSEST_SAMPLES_SECONDS:
        still = SPARSEST_SAMPLES_SECONDS - (run.now - pod.ready_at).total_seconds()
        if still > 0:
            message = "waiting for a sample before the load, which is too short for two"
            return Move((), trial.at(Stage.STARTING, message), wake=still)
    if pod.desired is not None and pod.desired != trial.limits:
        # The pod may belong to an earlier Deployment of this name, or something (an autoscaler) changed it. Such a pod
        # is never measured as this size.
        if (run.now - server.created).total_seconds() <= run.settings.schedule_timeout_seconds:
            return Move((), trial.at(Stage.STARTING, f"waiting for a pod at {trial.limits}, not {pod.desired}"))
        changed = (
            f"the pod was created at {pod.desired} instead of {trial.limits}; does an autoscaler change pods here?"
        )
        return Move(record=row_of(run, trial, server, Failure(Outcome.DISTURBED, changed)), wake=0)
    return _send(run, trial, server, pod)


def _what_holds_it_up(pod: Pod) -> str:
    """Return why a pod does not start, in the kubelet's or the scheduler's words, which name the image, for example."""
    words = ": ".join(filter(None, pod.waiting or ())) or pod.unschedulable
    return head(printable(words), LONGEST_LAST_WORDS)


def _with_reader(run: RunInCluster, seen: Observation, trial: TrialInProgress, server: Server, move: Move) -> Move:
    """Return a move with what is to be done about the node reader, which the load waits for."""
    if move.record is not None:
        return move
    steps = reader.steps(run, seen, trial, server.pod)
    sends = [action for action in move.actions if isinstance(action, CreateJob)]
    if not sends:
        return replace(move, actions=(*move.actions, *steps))
    chosen = reader.choice(run, seen, trial, sends[0].pod)
    if chosen.wait:
        return Move(steps, trial.at(Stage.STARTING, "waiting for the node reader"))
    # What could not be started until now is not tried again before the next trial.
    deletions = tuple(step for step in steps if isinstance(step, DeleteJob))
    return replace(move, actions=(*deletions, replace(sends[0], reader=chosen.address, no_reader=chosen.problem)))


def _send(run: RunInCluster, trial: TrialInProgress, server: Server, pod: Pod) -> Move:
    action = CreateJob(trial.index, trial.purpose, trial.limits, trial.window, server, pod, trial.seconds)
    return Move((action,), trial.at(Stage.LOADING, _loading(run, trial)))


def _loading(run: RunInCluster, trial: TrialInProgress) -> str:
    """Return the message of a trial whose load runs; a soak says why it runs, and for how long."""
    message = f"sending the load at {trial.limits}"
    if trial.purpose is Purpose.SOAK and isinstance(run.step, RunTrial) and run.step.purpose is Purpose.SOAK:
        return f"{message}: {run.step.reason}"
    return message


def _under_load(run: RunInCluster, seen: Observation, trial: TrialInProgress, job: LoadJob) -> Move:
    server = seen.server(job.incarnation)
    failed = failures.disturbance(server, job, seen)
    if job.result is not None:
        return end_of_load(run, trial, server, job, job.result, failed)
    failed = failed or failures.failed_load(job, run.settings, run.now)
    if failed is not None:
        return Move(record=row_of(run, trial, server, failed), wake=0)
    age = (run.now - job.created).total_seconds()
    waiting = job.stuck and age > USUAL_START_SECONDS
    message = f"waiting for the load pod: {job.stuck}" if waiting else _loading(run, trial)
    others: tuple[Action, ...] = ()
    if job.config is not None and not job.others and job.address and server is not None and server.pod is not None:
        others = (CreateOtherLoads(job, server.pod.node),)
    return Move(others, trial.at(Stage.LOADING, message), wake=LOAD_POLL_SECONDS)
