"""What follows from what a run has recorded and what the cluster shows: a sentence a row."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest
from tests.unit.cluster.objects import BIG, SMALL, load_result, load_status, now, profile
from tests.unit.cluster.values import (
    BRACKET,
    CONFIRM,
    KILLED,
    NOTHING,
    PARTLY,
    READ,
    READY,
    REFERENCE,
    STARTING,
    USAGE,
    a_job,
    a_pod,
    a_row,
    a_run,
    a_server,
    active,
    ended,
)

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import MemoryUsage, NodeLoad, Purpose, Stage, UsageStatus
from modelprofiler.cluster.decide.actions import (
    Action,
    CreateJob,
    CreateOtherLoads,
    CreateServer,
    DeleteJob,
    DeleteServer,
    Resize,
)
from modelprofiler.cluster.decide.run import RunInCluster
from modelprofiler.cluster.decide.trial import LOAD_POLL_SECONDS, next_move
from modelprofiler.cluster.gather.observation import Measured, Observation
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.evidence import ResultKind
from modelprofiler.core.steps import GiveUp, RunTrial
from modelprofiler.load.config import DatasetFile, LoadConfig

OVER = GiveUp(Reason.NO_FEASIBLE_SIZE, "it is too slow")
RESIZED = a_pod(SMALL)
PENDING = a_pod(desired=SMALL, resize=("InProgress", ""))
AUTOSCALED = Settings(nodes_autoscaled=True)
UNPLACED = replace(STARTING, node="", container_started_at=None, unschedulable="0/3 nodes are available: 3 taints.")
FIRST = a_job(
    address="198.18.2.1",
    config=LoadConfig(
        host="198.18.1.7",
        port=5001,
        endpoint=profile().spec.endpoint.http,
        dataset=DatasetFile(path="rows"),
        load=profile().spec.load,
    ),
)
"""The first of several load generators."""
LAGGARD = replace(
    FIRST, others="mp-t1-others", first_ended_at=now(110), missing="load generator 1 (pod x on node node2)"
)
LATE = a_row(2, BRACKET, usage=None)
"""A recorded trial whose usage is awaited."""


class Case(NamedTuple):
    """What is known, and what follows."""

    run: RunInCluster
    observation: Observation
    actions: tuple[Action, ...] = ()
    stage: Stage | None = None
    outcome: str = ""
    """Of the trial that is recorded."""


def send(step: RunTrial, trial: int, incarnation: int, pod: object) -> CreateJob:
    """Return the action that sends the load of a step."""
    server = a_server(incarnation, pod)  # type: ignore[arg-type]
    return CreateJob(trial, step.purpose, step.limits, step.window, server, pod)  # type: ignore[arg-type]


def see(*children: object, hosts: dict[str, str] | None = None) -> Observation:
    """Return an observation of servers and Jobs."""
    servers = tuple(f for f in children if hasattr(f, "refusal"))
    jobs = tuple(f for f in children if hasattr(f, "window"))
    return Observation(servers, jobs, hosts=hosts or {})  # type: ignore[arg-type]


CASES = {
    "nothing is there: a server is started": Case(a_run(), see(), (CreateServer(1, BIG, None),), Stage.STARTING),
    "a later server stays on the node of the reference trial": Case(
        a_run(CONFIRM, a_row(), node="node1"),
        see(hosts={"node1": "host-1"}),
        (CreateServer(2, SMALL, "host-1"),),
        Stage.STARTING,
    ),
    "its pod does not exist yet: it is waited for": Case(a_run(at=5), see(a_server(pod=None)), (), Stage.STARTING),
    "it is not ready: it is waited for": Case(a_run(at=5), see(a_server(pod=STARTING)), (), Stage.STARTING),
    "no node takes it, and an autoscaler may bring one: it is waited for": Case(
        a_run(at=590, settings=AUTOSCALED), see(a_server(pod=UNPLACED)), (), Stage.STARTING
    ),
    "no autoscaler has brought one: that is the end of the trial": Case(
        a_run(at=601, settings=AUTOSCALED), see(a_server(pod=UNPLACED)), outcome="Unschedulable"
    ),
    "it is ready: the load is sent": Case(a_run(), see(a_server()), (send(REFERENCE, 1, 1, READY),), Stage.LOADING),
    "its pod has another size, that of a server before: its own is waited for": Case(
        a_run(at=60), see(a_server(pod=a_pod(SMALL))), (), Stage.STARTING
    ),
    "its pod keeps another size: it is not measured": Case(
        a_run(at=121), see(a_server(pod=a_pod(SMALL))), outcome="Disturbed"
    ),
    "it is being deleted by somebody: its end is waited for": Case(
        a_run(), see(a_server(deleting=True)), (), Stage.STARTING
    ),
    "the step has changed since its server was started: that one goes": Case(
        a_run(), see(a_server(limits=SMALL, pod=a_pod(SMALL))), (DeleteServer("mp-s1"),), Stage.STARTING
    ),
    "also when the step would take a resized one: it would count as fresh": Case(
        a_run(BRACKET, a_row()), see(a_server(2)), (DeleteServer("mp-s2"),), Stage.STARTING
    ),
    "it crashed: that is recorded before anything is deleted": Case(
        a_run(), see(a_server(pod=a_pod(termination=KILLED))), outcome="OOMKilled"
    ),
    "the load runs: it is waited for": Case(a_run(), see(a_server(), a_job()), (), Stage.LOADING),
    "the load has ended, samples are missing: they are waited for": Case(
        a_run(), see(a_server(), ended(measured=NOTHING)), (), Stage.MEASURING
    ),
    "only some samples came: the rest is waited for": Case(
        a_run(), see(a_server(), ended(measured=PARTLY)), (), Stage.MEASURING
    ),
    "all samples came: the trial is recorded": Case(a_run(), see(a_server(), ended(measured=READ)), outcome="Passed"),
    "no samples came in time: that is recorded": Case(
        a_run(at=112 + 91), see(a_server(), ended(measured=NOTHING)), outcome="NoMetrics"
    ),
    "some samples came in time: they will do": Case(
        a_run(at=112 + 91), see(a_server(), ended(measured=PARTLY)), outcome="Passed"
    ),
    "the recorded trial's Job goes, and the pod is resized for the next": Case(
        a_run(BRACKET, a_row()),
        see(a_server(), ended()),
        (DeleteJob("mp-t1"), Resize("mp-s1", "p", SMALL)),
        Stage.RESIZING,
    ),
    "the resize is under way: it is waited for": Case(
        a_run(BRACKET, a_row()), see(a_server(pod=PENDING)), (), Stage.RESIZING
    ),
    "it is wanted but not applied: it is waited for": Case(
        a_run(BRACKET, a_row()), see(a_server(pod=a_pod(desired=SMALL))), (), Stage.RESIZING
    ),
    "it is applied: the load is sent": Case(
        a_run(BRACKET, a_row()), see(a_server(pod=RESIZED)), (send(BRACKET, 2, 1, RESIZED),), Stage.LOADING
    ),
    "it is infeasible: a fresh pod will do": Case(
        a_run(BRACKET, a_row()),
        see(a_server(pod=a_pod(desired=SMALL, resize=("Infeasible", "node too small")))),
        (DeleteServer("mp-s1"),),
        Stage.STARTING,
    ),
    "it failed: a fresh pod will do": Case(
        a_run(BRACKET, a_row()),
        see(a_server(pod=a_pod(desired=SMALL, resize=("Error", "")))),
        (DeleteServer("mp-s1"),),
        Stage.STARTING,
    ),
    "it is deferred: it is waited for a while": Case(
        a_run(BRACKET, a_row(), active=active(2, since=110)),
        see(a_server(pod=a_pod(desired=SMALL, resize=("Deferred", "")))),
        (),
        Stage.RESIZING,
    ),
    "it is deferred for too long: a fresh pod will do": Case(
        a_run(BRACKET, a_row(), active=active(2, since=90)),
        see(a_server(pod=a_pod(desired=SMALL, resize=("Deferred", "")))),
        (DeleteServer("mp-s1"),),
        Stage.STARTING,
    ),
    "the pod that was not resized is gone: a fresh one is started": Case(
        a_run(BRACKET, a_row()), see(), (CreateServer(2, SMALL, None),), Stage.STARTING
    ),
    "a pod that has restarted is not used again": Case(
        a_run(BRACKET, a_row()),
        see(a_server(pod=a_pod(termination=KILLED))),
        (DeleteServer("mp-s1"),),
        Stage.STARTING,
    ),
    "a fresh trial wants the server before it gone": Case(
        a_run(CONFIRM, a_row()), see(a_server()), (DeleteServer("mp-s1"),), Stage.STARTING
    ),
    "one that goes is not deleted twice": Case(
        a_run(CONFIRM, a_row()), see(a_server(deleting=True)), (), Stage.STARTING
    ),
    "the trial before said nothing: what disturbed it is given time": Case(
        a_run(REFERENCE, a_row(outcome="Disturbed"), at=99 + 9), see(a_server()), (), Stage.STARTING
    ),
    "but not for ever: it is run again": Case(
        a_run(REFERENCE, a_row(outcome="Disturbed"), at=99 + 11),
        see(a_server()),
        (DeleteServer("mp-s1"),),
        Stage.STARTING,
    ),
    "latency alone decides a CPU trial: it is recorded without usage": Case(
        a_run(BRACKET, a_row()), see(a_server(pod=RESIZED), ended(2, BRACKET, measured=NOTHING)), outcome="Passed"
    ),
    "unless throttling is an objective": Case(
        a_run(
            BRACKET,
            a_row(),
            profile=profile(objectives={"latency": {"p95": "250ms"}, "maxThrottledPercent": "5"}),
        ),
        see(a_server(pod=RESIZED), ended(2, BRACKET, measured=NOTHING)),
        (),
        Stage.MEASURING,
    ),
    "the next CPU trial does not wait for the usage of the last": Case(
        a_run(replace(BRACKET, limits=BIG), a_row(), LATE),
        see(a_server(pod=RESIZED), ended(2, BRACKET, measured=NOTHING)),
        (Resize("mp-s1", "p", BIG),),
        Stage.RESIZING,
    ),
    "a fresh one does, since the pod would go": Case(
        a_run(CONFIRM, a_row(), LATE),
        see(a_server(pod=RESIZED), ended(2, BRACKET, measured=NOTHING)),
        (),
        Stage.MEASURING,
    ),
    "but not for ever": Case(
        a_run(CONFIRM, a_row(), LATE, at=112 + 26),
        see(a_server(pod=RESIZED), ended(2, BRACKET, measured=NOTHING)),
        (DeleteJob("mp-t2"), DeleteServer("mp-s1")),
        Stage.STARTING,
    ),
    "nor for a pod that is gone": Case(
        a_run(CONFIRM, a_row(), LATE),
        see(a_server(pod=a_pod(deleting=True)), ended(2, BRACKET, measured=NOTHING)),
        (DeleteJob("mp-t2"), DeleteServer("mp-s1")),
        Stage.STARTING,
    ),
    "nor for the usage of a trial that failed before its load": Case(
        a_run(CONFIRM, a_row(), a_row(2, BRACKET, usage=None, load=None, outcome="NeverReady")),
        see(a_server(pod=RESIZED), ended(2, BRACKET)),
        (DeleteJob("mp-t2"), DeleteServer("mp-s1")),
        Stage.STARTING,
    ),
    "the load generator gave no result": Case(
        a_run(), see(a_server(), a_job(failure="it crashed", finished_at=now(110))), outcome="LoadFailed"
    ),
    "somebody deletes the Job": Case(a_run(), see(a_server(), a_job(deleting=True)), outcome="LoadFailed"),
    "the load pod is not placed yet": Case(a_run(), see(a_server(), a_job(stuck="no node")), (), Stage.LOADING),
    "the load pod is never placed": Case(
        a_run(at=99 + 91), see(a_server(), a_job(stuck="no node")), outcome="LoadFailed"
    ),
    "the first of several load pods has an address: the others are started": Case(
        a_run(), see(a_server(), FIRST), (CreateOtherLoads(FIRST, "node1"),), Stage.LOADING
    ),
    "it has none yet: it is waited for": Case(a_run(), see(a_server(), replace(FIRST, address="")), (), Stage.LOADING),
    "the others are started: all are waited for": Case(
        a_run(), see(a_server(), replace(FIRST, others="mp-t1-others")), (), Stage.LOADING
    ),
    "one of several is late: it is waited for": Case(a_run(), see(a_server(), LAGGARD), (), Stage.LOADING),
    "but it is not waited for longer than a request may take": Case(
        a_run(at=110 + 91), see(a_server(), LAGGARD), outcome="LoadFailed"
    ),
    "the Jobs of all go": Case(
        a_run(OVER, a_row()),
        see(ended(others="mp-t1-others")),
        (DeleteJob("mp-t1"), DeleteJob("mp-t1-others")),
    ),
    "the server goes during the load": Case(a_run(), see(a_job()), outcome="Disturbed"),
    "its pod is replaced during the load": Case(
        a_run(), see(a_server(pod=a_pod(uid="other")), a_job()), outcome="Disturbed"
    ),
    "its pod is evicted during the load": Case(
        a_run(), see(a_server(pod=a_pod(phase="Failed", reason="Evicted")), a_job()), outcome="Disturbed"
    ),
    "it is killed during the load": Case(
        a_run(), see(a_server(pod=a_pod(termination=KILLED)), a_job()), outcome="OOMKilled"
    ),
    "it is killed during a load that ended": Case(
        a_run(), see(a_server(pod=a_pod(termination=KILLED)), ended(measured=READ)), outcome="OOMKilled"
    ),
    "the load is too slow": Case(a_run(), see(a_server(), ended(p95=0.9, measured=READ)), outcome="Slow"),
    "a Job that runs is finished as it was begun, whatever the step is by now": Case(
        a_run(OVER), see(a_server(), ended(measured=READ)), outcome="Passed"
    ),
    "also when the run is held": Case(
        a_run(REFERENCE, hold=True), see(a_server(), ended(measured=READ)), outcome="Passed"
    ),
    "a held run begins nothing": Case(a_run(BRACKET, a_row(), hold=True), see()),
    "a held run gives up a server that is only starting": Case(
        a_run(REFERENCE, hold=True), see(a_server(pod=STARTING)), (DeleteServer("mp-s1"),)
    ),
    "at the end the last Job and the server go": Case(
        a_run(OVER, a_row()), see(a_server(), ended()), (DeleteJob("mp-t1"), DeleteServer("mp-s1"))
    ),
    "but only when the last usage is known": Case(
        a_run(OVER, a_row(), LATE), see(a_server(pod=RESIZED), ended(2, BRACKET, measured=NOTHING))
    ),
    "what goes already is waited for": Case(a_run(OVER, a_row()), see(a_server(deleting=True))),
    "a Job of no trial goes too": Case(a_run(OVER, a_row()), see(a_job(9)), (DeleteJob("mp-t9"),)),
}


@pytest.mark.parametrize("sentence", CASES)
def test_what_is_done(sentence: str) -> None:
    """Actions, the stage that the status shows, and the outcome that is recorded."""
    case = CASES[sentence]
    move = next_move(case.run, case.observation)
    assert (case.actions, case.stage, case.outcome) == (
        move.actions,
        move.active.stage if move.active else None,
        move.record.outcome.value if move.record else "",
    )
    assert move.record is None or not any(isinstance(a, DeleteServer | DeleteJob) for a in move.actions)


@pytest.mark.parametrize("sentence", CASES)
def test_whatever_is_recorded_is_looked_at_again_at_once_and_everything_else_later(sentence: str) -> None:
    """A zero without anything recorded would be a loop without end."""
    move = next_move(CASES[sentence].run, CASES[sentence].observation)
    recorded = move.record is not None or move.amend is not None
    assert recorded == (move.wake == 0)
    assert recorded or 0 < move.wake <= LOAD_POLL_SECONDS


def test_a_run_is_idle_when_nothing_of_it_is_left() -> None:
    """Neither what runs nor what is about to go."""
    run = a_run(OVER, a_row())
    assert [True, False, False] == [
        next_move(run, observation).idle
        for observation in (see(), see(a_server(deleting=True)), see(ended(deleting=True)))
    ]


def test_a_recorded_trial_holds_everything_that_is_known_of_it() -> None:
    """Its number, purpose, size, time to ready, load, usage and times."""
    move = next_move(a_run(active=active(since=10)), see(a_server(), ended(measured=READ)))
    row = move.record
    assert row is not None
    assert (1, "Reference", BIG.to_size(), True) == (row.index, row.purpose, row.limits, row.fresh)
    assert (load_status(), USAGE, "2s") == (row.load, row.usage, str(row.time_to_ready))
    assert (now(10), now(120)) == (row.start_time, row.completion_time)
    assert load_result(load_status()) == move.record_result


def test_a_resized_trial_has_no_time_to_ready() -> None:
    """Nothing was started for it; a fresh one in its stead has."""
    job = ended(2, BRACKET, measured=READ)
    resized = next_move(a_run(BRACKET, a_row()), see(a_server(pod=RESIZED), job)).record
    own_server = a_server(2, RESIZED, SMALL)
    fresh = next_move(a_run(BRACKET, a_row()), see(own_server, replace(job, incarnation=2))).record
    assert resized is not None
    assert fresh is not None
    assert [(False, None), (True, "2s")] == [
        (row.fresh, row.time_to_ready and str(row.time_to_ready)) for row in (resized, fresh)
    ]


def test_the_start_of_a_trial_is_remembered_and_that_of_another_is_not() -> None:
    """The status is the memory."""
    begun = next_move(a_run(active=active(1, since=10)), see(a_server(pod=STARTING))).active
    next_ = next_move(a_run(BRACKET, a_row(), active=active(1, since=10)), see()).active
    assert begun is not None
    assert next_ is not None
    assert (now(10), now(120)) == (begun.start_time, next_.start_time)


@pytest.mark.parametrize(("measured", "at", "amended"), [(READ, 113, True), (PARTLY, 113, False), (PARTLY, 138, True)])
def test_late_usage_completes_the_row_it_belongs_to(measured: Measured, at: float, amended: bool) -> None:
    """All of it at once, or what there is when no more is to be expected."""
    run = a_run(replace(BRACKET, limits=BIG), a_row(), LATE, at=at)
    amended_row = next_move(run, see(a_server(pod=RESIZED), ended(2, BRACKET, measured=measured))).amend
    assert amended == (amended_row is not None)
    if amended_row is not None:
        assert (2, USAGE, "Passed", LATE.load) == (
            amended_row.index,
            amended_row.usage,
            amended_row.outcome,
            amended_row.load,
        )


def test_late_usage_shows_a_worker_that_was_killed_unseen() -> None:
    """The master lived on, so the pod showed nothing."""
    killed = Measured(USAGE.model_copy(update={"oom_kills": 2}), complete=True)
    amended_row = next_move(
        a_run(CONFIRM, a_row(), LATE), see(a_server(pod=RESIZED), ended(2, BRACKET, measured=killed))
    ).amend
    assert amended_row is not None
    assert "OOMKilled" == amended_row.outcome


@pytest.mark.parametrize("outcome", ["Crashed", "OOMKilled", "Disturbed", "GeneratorSaturated", "LoadFailed"])
def test_late_usage_does_not_change_what_went_wrong(outcome: str) -> None:
    """The load of a server that was killed and came back may look as if it had passed."""
    row = a_row(2, BRACKET, usage=None, outcome=outcome, message="what was seen then")
    amended_row = next_move(
        a_run(CONFIRM, a_row(), row), see(a_server(pod=RESIZED), ended(2, BRACKET, measured=READ))
    ).amend
    assert amended_row is None or (outcome, "what was seen then") == (amended_row.outcome, amended_row.message)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (ResultKind.CONNECT_FAILED, "NeverReady"),
        (ResultKind.SMOKE_FAILED, "Errors"),
        (ResultKind.SATURATED, "GeneratorSaturated"),
        (ResultKind.FAILED, "LoadFailed"),
    ],
)
def test_what_the_load_generator_says_went_wrong_is_recorded_at_once(kind: ResultKind, outcome: str) -> None:
    """No samples are waited for."""
    result = load_result(None, kind=kind, message="its own words")
    row = next_move(a_run(), see(a_server(), ended(result=result, measured=NOTHING))).record
    assert row is not None
    assert (outcome, "its own words", None) == (row.outcome, row.message, row.load)


def test_the_message_says_why_there_are_no_metrics() -> None:
    """The words of the source, or how long was waited."""
    messages = []
    for measured in (Measured(None, complete=True, problem="no Prometheus"), NOTHING, None):
        row = next_move(a_run(at=112 + 91), see(a_server(), ended(measured=measured))).record
        assert row is not None
        messages.append(row.message)
    too_few = "no sample of the container arrived within 91s after the load, too few to compute its usage"
    assert ["no Prometheus", too_few, too_few] == messages


def test_the_message_names_what_alone_could_not_be_computed() -> None:
    """Memory needs one sample, CPU two."""
    memory = UsageStatus(samples=2, memory=MemoryUsage(peak=Quantity("187Mi"), peak_source="WorkingSet"))
    row = next_move(a_run(at=112 + 91), see(a_server(), ended(measured=Measured(memory, complete=True)))).record
    assert row is not None
    assert "NoMetrics" == row.outcome
    assert row.message.startswith("only 2 samples of the container arrived within 91s")
    assert row.message.endswith("too few to compute its CPU usage")


def test_a_server_may_take_as_long_as_the_objective_says() -> None:
    """Where it is shorter than the installation's own patience."""
    impatient = profile(objectives={"latency": {"p95": "250ms"}, "maxTimeToReady": "10s"})
    observation = see(a_server(pod=STARTING))
    outcomes = [next_move(a_run(at=12, profile=p), observation).record for p in (impatient, profile())]
    assert [True, False] == [bool(row and row.outcome == "NeverReady") for row in outcomes]


@pytest.mark.parametrize(("node", "other"), [("node1", "730m"), ("node2", None)])
def test_what_else_the_node_did_is_recorded_where_the_load_saw_it(node: str, other: str | None) -> None:
    """One of four CPUs was busy: 150m with the server, 120m with the load; elsewhere that is another node."""
    result = replace(load_result(load_status()), cores=4, busy_percent=25.0, steal_percent=0.5, cpu_percent=12.0)
    row = next_move(a_run(), see(a_server(), ended(node=node, result=result, measured=READ))).record
    assert row is not None
    assert other == (str(row.node.other_cpu) if row.node is not None else None)


def test_where_the_load_ran_elsewhere_the_kubelet_tells_what_else_the_node_did() -> None:
    """Half a core, less the server's 150m; how many CPUs there are it does not say."""
    measured = replace(READ, node_cores=0.5)
    row = next_move(a_run(), see(a_server(), ended(node="node2", measured=measured))).record
    assert row is not None
    assert NodeLoad(other_cpu=Quantity("350m")) == row.node


def test_usage_that_comes_in_late_tells_what_else_the_node_did() -> None:
    """Before, the server's own part of it was not known."""
    result = replace(load_result(load_status()), cores=4, busy_percent=25.0, steal_percent=0.5, cpu_percent=12.0)
    late = a_row(usage=None)
    amended_row = next_move(a_run(OVER, late), see(a_server(), ended(node="node1", result=result, measured=READ))).amend
    assert amended_row is not None
    assert amended_row.node is not None
    assert "730m" == str(amended_row.node.other_cpu)


def test_a_soak_sends_a_load_with_a_window_of_its_own_and_says_why() -> None:
    """Before its Job is created and while it runs; an operator that starts anew says the same."""
    soak = replace(CONFIRM, purpose=Purpose.SOAK, seconds=240.0, reason="memory grew")
    server = a_server(2, a_pod(soak.limits), soak.limits)
    move = next_move(a_run(soak, a_row()), see(server))
    (action,) = move.actions
    assert isinstance(action, CreateJob)
    assert (240.0, Purpose.SOAK) == (action.seconds, action.purpose)
    running = next_move(a_run(soak, a_row()), see(server, a_job(2, soak, 2)))
    for active_trial in (move.active, running.active):
        assert active_trial is not None
        assert f"sending the load at {soak.limits}: memory grew" == active_trial.message


@pytest.mark.parametrize(
    ("installed", "activity"), [(False, "the packages to be installed"), (True, "the server"), (None, "the server")]
)
def test_a_server_whose_packages_are_being_installed_says_so(installed: bool | None, activity: str) -> None:
    """Its time to be ready has not begun."""
    waiting = replace(STARTING, installed=installed)
    move = next_move(a_run(REFERENCE), see(a_server(1, waiting)))
    assert move.active is not None
    assert move.active.message.startswith(f"waiting for {activity}")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (Settings(), "waiting for the server to be ready at 1 CPU"),
        (AUTOSCALED, "waiting for a node, which an autoscaler may bring within 600 s, for the server at 1 CPU"),
    ],
)
def test_a_run_that_waits_for_a_node_has_the_words_of_the_scheduler(settings: Settings, says: str) -> None:
    """The message also has how long it waits."""
    move = next_move(a_run(at=60, settings=settings), see(a_server(pod=UNPLACED)))
    assert move.active is not None
    assert move.active.message.startswith(says)
    assert move.active.message.endswith(": 0/3 nodes are available: 3 taints.")


@pytest.mark.parametrize(
    ("waiting", "words"),
    [
        (
            ("ImagePullBackOff", 'Back-off pulling image "shop:9"'),
            ': ImagePullBackOff: Back-off pulling image "shop:9"',
        ),
        (("ErrImagePull", ""), ": ErrImagePull"),
        (("ErrImagePull", "\x1b[2Jnot found " + 2000 * "x"), ": ErrImagePull: not found " + 575 * "x" + "…"),
    ],
)
def test_a_run_that_waits_for_an_image_has_the_words_of_the_kubelet(waiting: tuple[str, str], words: str) -> None:
    """They name the image, so that a user need not wait until it is given up."""
    pulling = replace(STARTING, waiting=waiting)
    move = next_move(a_run(REFERENCE), see(a_server(1, pulling)))
    assert move.active is not None
    assert move.active.message.endswith(words), move.active.message
