"""A whole run of decisions against a model of its children: whatever is interrupted, repeated or late, the same list.

The model knows servers, pods and Jobs as values, and does what a cluster does with them in time. It is driven by
`next_move` and the search alone, so thousands of decisions take a second.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest
from tests.unit.cluster.objects import load_result, load_status, now, profile
from tests.unit.cluster.values import USAGE, a_pod, a_run, a_server

from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import ActiveTrial, Trial
from modelprofiler.cluster.decide.actions import Action, CreateJob, CreateServer, DeleteJob, DeleteServer, Resize
from modelprofiler.cluster.decide.trial import next_move
from modelprofiler.cluster.gather.observation import LoadJob, Measured, Observation, Server
from modelprofiler.core.search.step import next_step
from modelprofiler.core.steps import RunTrial

PROFILE = profile(resources={"cpu": {"values": ["250m", "500m", "1"]}, "memory": {"values": ["512Mi", "1Gi"]}})
RANGE = EffectiveResources.model_validate(PROFILE.spec.resources.to_dict())
START_SECONDS, LOAD_SECONDS, SAMPLES_SECONDS = 2.0, 12.0, 10.0


@dataclass
class Children:
    """What a cluster has of a run, and what it does with it: nothing else.

    Attributes
    ----------
    time
        In seconds.
    loads
        Every load that ever ran: (trial, size).
    """

    time: float = 0.0
    servers: dict[int, Server] = field(default_factory=dict)
    jobs: dict[int, LoadJob] = field(default_factory=dict)
    loads: list[tuple[int, str]] = field(default_factory=list)
    resizes: bool = True

    def do(self, action: Action) -> None:
        """Take an action in; what exists is left as it is, what is gone stays gone."""
        match action:
            case CreateServer(incarnation, limits, _) if incarnation not in self.servers:
                pod = a_pod(limits, uid=f"pod-{self.time}", ready_at=None, created=now(self.time))
                new_server = a_server(incarnation, replace(pod, container_started_at=now(self.time)), limits)
                self.servers[incarnation] = replace(new_server, created=now(self.time))
            case CreateJob(trial, purpose, limits, window, server, pod) if trial not in self.jobs:
                self.loads.append((trial, str(limits)))
                self.jobs[trial] = LoadJob(
                    name=f"mp-t{trial}",
                    trial=trial,
                    purpose=purpose,
                    limits=limits,
                    window=window,
                    incarnation=server.incarnation,
                    server_pod=pod.uid,
                    created=now(self.time),
                    deleting=False,
                    finished_at=None,
                    result=None,
                    failure="",
                    stuck="",
                )
            case Resize(name, _, limits):
                for number, server in self.servers.items():
                    if server.name == name and server.pod:
                        resize = None if self.resizes else ("Infeasible", "")
                        self.servers[number] = replace(server, pod=replace(server.pod, desired=limits, resize=resize))
            case DeleteServer(name):
                self.servers = {n: s for n, s in self.servers.items() if s.name != name}
            case DeleteJob(name):
                self.jobs = {n: j for n, j in self.jobs.items() if j.name != name}

    def pass_time(self, seconds: float) -> None:
        """Let servers become ready and be resized, and loads end."""
        self.time += seconds
        for number, server in self.servers.items():
            pod = server.pod
            assert pod is not None
            if self.time - (server.created - now(0)).total_seconds() >= START_SECONDS:
                pod = replace(pod, ready_at=pod.ready_at or now(self.time))
            if self.resizes:
                pod = replace(pod, actual=pod.desired)
            self.servers[number] = replace(server, pod=pod)
        for number, job in self.jobs.items():
            start = (job.created - now(0)).total_seconds()
            if job.result is None and self.time - start >= LOAD_SECONDS:
                result = load_result(load_status(60 / job.limits.cpu), start)
                self.jobs[number] = replace(job, result=result, finished_at=now(self.time))

    def observed(self) -> Observation:
        """Return what can be observed now, with usage where samples have come."""
        jobs = []
        for number in sorted(self.jobs):
            job = self.jobs[number]
            late = job.finished_at is not None and (now(self.time) - job.finished_at).total_seconds() >= SAMPLES_SECONDS
            alive = job.incarnation in self.servers
            measured = Measured(USAGE if late else None, complete=late) if alive else None
            jobs.append(replace(job, measured=measured))
        return Observation(tuple(self.servers[n] for n in sorted(self.servers)), tuple(jobs))


def run(children: Children, chance: random.Random | None = None) -> list[Trial]:
    """Decide until nothing is left to do; return the finished trials.

    With `chance`, a decision is at times carried out in part only, or its record lost, or made twice, or made by an
    operator that was away for a while.
    """
    trials: list[Trial] = []
    active: ActiveTrial | None = None
    for _ in range(3000):
        step = next_step(PROFILE.spec, RANGE, "server", "Cluster", trials)
        run_state = a_run(step, *trials, at=children.time, profile=PROFILE, active=active)
        move = next_move(run_state, children.observed())
        if move.idle and not isinstance(step, RunTrial):
            return trials
        if chance is not None and chance.random() < 0.2:
            children.pass_time(chance.choice([0.0, 0.5, 2.0, 8.0]))
            continue  # it died before it did anything
        if move.record is not None or move.amend is not None:
            assert not any(isinstance(a, DeleteServer | DeleteJob) for a in move.actions)
        if move.record is not None:
            trials, active = [*trials, move.record], None
        elif move.amend is not None:
            at = move.amend.index - 1
            trials = [*trials[:at], move.amend, *trials[at + 1 :]]
        else:
            active = move.active
        performed = list(move.actions)
        if chance is not None:
            performed = (
                performed[: chance.randint(0, len(performed))]
                if chance.random() < 0.3
                else performed * chance.randint(1, 2)
            )
        for action in performed:
            children.do(action)
        children.pass_time(min(move.wake, 2.0))
    raise AssertionError(f"no end after {len(trials)} trials")


def rows(trials: list[Trial]) -> list[tuple[int, str, str, str, bool, str]]:
    """Return the trials without their times."""
    return [(t.index, t.purpose, str(t.limits.cpu), str(t.limits.memory), t.fresh, t.outcome) for t in trials]


UNDISTURBED = rows(run(Children()))


def test_an_undisturbed_run_sends_one_load_a_trial_and_leaves_nothing() -> None:
    """Some of them to a resized server; all usage is there in the end."""
    children = Children()
    trials = run(children)
    assert list(range(1, len(trials) + 1)) == [t.index for t in trials] == [trial for trial, _ in children.loads]
    assert {True, False} == {t.fresh for t in trials}
    assert all(t.usage is not None for t in trials)
    assert ({}, {}) == (children.servers, children.jobs)


@pytest.mark.parametrize("seed", range(40))
def test_interrupted_and_repeated_decisions_end_in_the_same_list(seed: int) -> None:
    """No trial is lost, none runs twice, nothing is left behind."""
    children = Children()
    trials = run(children, random.Random(seed))
    assert UNDISTURBED == rows(trials)
    assert [trial for trial, _ in children.loads] == [t.index for t in trials]
    assert ({}, {}) == (children.servers, children.jobs)


def test_without_resizes_the_same_sizes_are_tried_on_fresh_servers() -> None:
    """Nothing else changes."""
    trials = run(Children(resizes=False))
    assert all(t.fresh for t in trials)
    assert [row[:4] for row in UNDISTURBED] == [row[:4] for row in rows(trials)]
