"""A world under decision, with what several rules ask of it computed once. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from modelprofiler.api.pod_template import container_name
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import ActiveTrial, Trial
from modelprofiler.cluster.decide import resizing, status, trial
from modelprofiler.cluster.decide.run import Move, RunInCluster
from modelprofiler.cluster.gather.accept import Accepted
from modelprofiler.cluster.gather.observation import Observation
from modelprofiler.cluster.gather.world import Node, World
from modelprofiler.core.judge import rejudge
from modelprofiler.core.search.progress import Subject, progress
from modelprofiler.core.status import is_finished, seconds_used
from modelprofiler.core.steps import RunTrial, Step


@dataclass(frozen=True)
class RunCase:
    """The run of an accepted profile."""

    world: World
    profile: ModelProfile
    """With the trials of this run, judged by the spec as it is now, and without what another run has left."""
    accepted: Accepted
    started: bool
    """Whether the run has left the queue."""
    step: Step

    @property
    def children(self) -> Observation:
        """The children of the run; none where a profile that waits has not been looked up."""
        return self.world.children if isinstance(self.world.children, Observation) else Observation()

    @property
    def wants_trials(self) -> bool:
        """Whether the run is to begin trials: it has not come to its result, and is not suspended."""
        return isinstance(self.step, RunTrial) and not self.profile.spec.suspend

    @cached_property
    def next_move(self) -> Move:
        """What the run does next, computed by `modelprofiler.cluster.decide.trial.next_move`."""
        recorded = self.profile.status
        choice = self.accepted.settings.node_reader
        elsewhere = self.children.load_may_leave and not self.accepted.inputs.together
        run = RunInCluster(
            profile=self.profile,
            run_hash=self.accepted.run_hash,
            settings=self.accepted.settings,
            trials=recorded.trials,
            step=self.step,
            active=recorded.active_trial,
            now=self.world.now,
            hold=self.profile.spec.suspend,
            node=recorded.provenance.node if recorded.provenance else None,
            host=self.accepted.inputs.host,
            wants_reader=choice == "Always" or (choice == "Auto" and elsewhere),
        )
        return trial.next_move(run, self.children)

    def with_trial(self, row: Trial) -> RunCase:
        """Return the run as it is after a finished trial was recorded, or usage was added to one."""
        before = self.profile.status
        at = row.index - 1
        trials = [*before.trials[:at], row, *before.trials[at + 1 :]]
        # More about a finished trial does not concern the one in progress: that keeps its place, and its start time.
        active: ActiveTrial | None = before.active_trial if len(trials) == len(before.trials) else None
        fields = {"trials": trials, "active_trial": active, "provenance": self._provenance(row)}
        profile = self.profile.model_copy(update={"status": before.model_copy(update=fields)})
        return replace(self, profile=profile, step=_step(self.world, profile, self.accepted, started=self.started))

    def _provenance(self, row: Trial) -> Any:
        """Return where the numbers come from; the first trial that was measured says on which node that is."""
        known = status.origin(self.profile, self.accepted)
        server = self.children.servers[-1] if self.children.servers else None
        pod = server.pod if server else None
        if known.node is not None or pod is None or not pod.node or row.load is None:
            return known
        job = self.children.job(row.index)
        node = self.world.nodes.get(pod.node, Node(pod.node, pod.node))
        result = job.result if job else None
        return status.on_node(known, node, pod.image, result, load_is_there=job is not None and job.runs_on(pod.node))


@dataclass(frozen=True)
class Case:
    """A world, and the run in it if its profile is accepted."""

    world: World
    after_recording: RunCase | None = None
    """The run with the trial that this look records; None where the look has recorded none so far."""

    def with_trial(self, row: Trial) -> Case:
        """Return the case after a finished trial was recorded, or usage was added to one."""
        return Case(self.world, self.run.with_trial(row))

    @property
    def profile(self) -> ModelProfile:
        """The profile, for rules that follow those for profiles that are gone or do not parse."""
        assert isinstance(self.world.profile, ModelProfile)
        return self.world.profile

    @cached_property
    def run(self) -> RunCase:
        """The run, for rules that follow those for profiles that are not accepted."""
        if self.after_recording is not None:
            return self.after_recording
        world, accepted = self.world, self.world.acceptance
        assert isinstance(accepted, Accepted)
        recorded = self.profile.status
        started = recorded.start_time is not None and not is_finished(recorded)
        same = recorded.run_hash == accepted.run_hash
        trials = rejudge(self.profile.spec, recorded.trials) if same else []
        fields: dict[str, Any] = {"trials": trials, "run_hash": accepted.run_hash}
        if not same:
            fields |= {"active_trial": None, "provenance": None, "recommendations": [], "completion_time": None}
            fields |= {"start_time": world.now if started else None, "elapsed": None}
        profile = self.profile.model_copy(update={"status": recorded.model_copy(update=fields)})
        step = _step(world, profile, accepted, started=started)
        if same and isinstance(step, RunTrial) and not started:
            # The recommendation was made for other objectives; one for these comes at the end.
            fields |= {"start_time": None, "completion_time": None, "recommendations": []}
            # A profile that was refused meanwhile has the condition Finished, too, but its run has had no end.
            fields |= {"elapsed": None} if recorded.completion_time is not None else {}
            profile = self.profile.model_copy(update={"status": recorded.model_copy(update=fields)})
        return RunCase(world, profile, accepted, started, step)


def _step(world: World, profile: ModelProfile, accepted: Accepted, *, started: bool) -> Step:
    """Return the next step of the search; the deadline counts from when the run left the queue, without suspensions."""
    elapsed = seconds_used(profile.status, world.now) if started else None
    container = container_name(profile.spec)
    subject = Subject(profile.spec, accepted.resources, container, "Cluster", workload=accepted.workload)
    step = progress(subject, profile.status.trials, elapsed)
    if isinstance(step, RunTrial) and resizing.obstacle(accepted, profile.status.provenance):
        return replace(step, fresh=True)
    return step
