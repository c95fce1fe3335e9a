"""When a node reader is started, waited for, used and deleted: a sentence a row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from tests.unit.cluster.objects import load_result, load_status, now
from tests.unit.cluster.values import (
    BRACKET,
    CONFIRM,
    READY,
    REFERENCE,
    STARTING,
    a_job,
    a_pod,
    a_row,
    a_run,
    a_server,
    active,
    ended,
)

from modelprofiler.api.trial import FailureCounts, Outcome
from modelprofiler.cluster.decide import reader
from modelprofiler.cluster.decide.actions import Action, CreateJob, CreateReader, DeleteJob, DeleteServer, Resize
from modelprofiler.cluster.decide.failures import disturbance
from modelprofiler.cluster.decide.run import RunInCluster
from modelprofiler.cluster.decide.trial import next_move
from modelprofiler.cluster.gather.observation import LoadJob, Observation, Reader
from modelprofiler.load.node.reading import NodeReading

HOSTS = {"node1": "host-1"}


def a_reader(trial: int = 1, **changes: Any) -> Reader:
    """Return a reader that runs on the server's node."""
    default = Reader(
        name=f"mp-r{trial}",
        trial=trial,
        created=now(2),
        deleting=False,
        node="node1",
        address="198.18.1.9",
        stuck="",
        ended="",
    )
    return replace(default, **changes)


PENDING = a_reader(node="", address="")
STUCK = a_reader(node="", address="", stuck="0/2 nodes are available: Insufficient cpu")
DEAD = a_reader(address="", ended="it ended (exit code 137, OOMKilled)")


def wants(step: Any = REFERENCE, *trials: Any, at: float = 30) -> RunInCluster:
    """Return a run that wants a reader, whose trial has been in progress since the twentieth second."""
    return a_run(step, *trials, at=at, wants_reader=True, active=active(len(trials) + 1, 20))


def send(pod: Any = READY, step: Any = REFERENCE, trial: int = 1, **reader: str) -> CreateJob:
    """Return the action that sends a load."""
    return CreateJob(trial, step.purpose, step.limits, step.window, a_server(pod=pod), pod, None, **reader)


class Case(NamedTuple):
    """What is known, and what is done."""

    run: RunInCluster
    readers: tuple[Reader, ...]
    actions: tuple[Action, ...]
    pod: Any = READY
    active: str = ""
    """Message of the trial in progress, where it matters."""


CASES = {
    "the server has its node, and starts: a reader starts there": Case(
        wants(), (), (CreateReader(1, "host-1"),), STARTING
    ),
    "the server has no node yet": Case(wants(at=21), (), (), a_pod(node="", ready_at=None)),
    "it is about to start: the server goes on": Case(wants(), (PENDING,), (), STARTING),
    "the server is ready and the reader is not: the load waits": Case(
        wants(), (PENDING,), (), READY, "waiting for the node reader"
    ),
    "both are ready: the load asks the reader": Case(wants(), (a_reader(),), (send(reader="198.18.1.9"),)),
    "it does not start: the load is sent, and says so": Case(
        wants(at=90), (PENDING,), (send(no_reader="it did not start within 60 s"),)
    ),
    "something keeps it from starting: it is not waited for as long": Case(
        wants(at=40), (STUCK,), (send(no_reader="0/2 nodes are available: Insufficient cpu"),)
    ),
    "something keeps it from starting: it is waited for a little": Case(wants(at=29), (STUCK,), ()),
    "it has ended: the load is sent without it": Case(
        wants(), (DEAD,), (send(no_reader="it ended (exit code 137, OOMKilled)"),)
    ),
    "it cannot be created: the load is sent without it": Case(
        wants(at=40), (), (send(no_reader="it could not be created, or was deleted"),)
    ),
    "nobody wants it": Case(replace(wants(), wants_reader=False), (), (send(),)),
}


def observation(case: Case) -> Observation:
    """Return what the cluster shows in a case."""
    return Observation(servers=(a_server(pod=case.pod),), readers=case.readers, hosts=HOSTS)


@pytest.mark.parametrize("name", CASES)
def test_what_is_done_about_a_reader(name: str) -> None:
    """One row each."""
    case = CASES[name]
    move = next_move(case.run, observation(case))
    assert case.actions == move.actions
    if case.active:
        assert move.active is not None
        assert case.active == move.active.message


def test_a_reader_serves_every_trial_on_its_node() -> None:
    """Also one on a server that is started anew."""
    observation = Observation(
        servers=(a_server(2, a_pod(CONFIRM.limits), CONFIRM.limits),), readers=(a_reader(1),), hosts=HOSTS
    )
    (action,) = next_move(wants(CONFIRM, a_row()), observation).actions
    assert isinstance(action, CreateJob)
    assert action.reader == "198.18.1.9"


def test_a_reader_that_has_ended_or_is_elsewhere_is_replaced_by_the_next_trial() -> None:
    """Once for each trial: the one of the trial itself stays, so that nothing goes round in circles."""
    for old in (DEAD, a_reader(node="node2")):
        observation = Observation(servers=(a_server(),), readers=(old,), hosts=HOSTS)
        assert (
            Resize("mp-s1", "p", BRACKET.limits),
            DeleteJob("mp-r1"),
            CreateReader(2, "host-1"),
        ) == next_move(wants(BRACKET, a_row()), observation).actions
    again = Observation(servers=(a_server(),), readers=(a_reader(2, address="", ended="it ended"),), hosts=HOSTS)
    assert (Resize("mp-s1", "p", BRACKET.limits),) == next_move(wants(BRACKET, a_row()), again).actions


def test_a_run_that_ends_leaves_no_reader() -> None:
    """The run is not over before the reader is gone."""
    idle = replace(wants(), hold=True)
    left = next_move(idle, Observation(servers=(a_server(),), readers=(a_reader(),)))
    assert {DeleteServer("mp-s1"), DeleteJob("mp-r1")} == set(left.actions)
    assert not left.idle
    assert not next_move(idle, Observation(readers=(a_reader(deleting=True),))).idle
    assert next_move(idle, Observation()).idle


SILENT = NodeReading(silent=True, problem="the node reader answered before the load and not after it")


def job_with(reading: NodeReading | None, **failures: int) -> LoadJob:
    """Return a load that has ended, in which requests failed."""
    status = load_status().model_copy(update={"failures_by_kind": FailureCounts(**failures)})
    return ended(result=replace(load_result(status), node=reading))


def test_a_node_that_dies_under_load_disturbs_the_trial() -> None:
    """Neither the server nor the reader beside it answers, and Kubernetes has not noticed yet."""
    failure = disturbance(a_server(), job_with(SILENT, timeout=40), Observation(readers=(a_reader(),)))
    assert failure is not None
    assert failure.outcome is Outcome.DISTURBED
    assert "node node1 stopped answering during the load" in failure.message


@pytest.mark.parametrize(
    ("sentence", "job", "readers"),
    [
        ("the server answered to the end", job_with(SILENT), (a_reader(),)),
        ("its answers were errors, but answers", job_with(SILENT, status=40), (a_reader(),)),
        ("the reader has ended by itself", job_with(SILENT, timeout=40), (DEAD,)),
        ("the reader answers", job_with(NodeReading(), timeout=40), (a_reader(),)),
        ("nobody was asked", job_with(None, timeout=40), ()),
        ("the load has not ended", a_job(), (a_reader(),)),
    ],
)
def test_a_node_that_lives_disturbs_nothing(sentence: str, job: LoadJob, readers: tuple[Reader, ...]) -> None:
    """Whatever went wrong with the reader."""
    assert (sentence, None) == (sentence, disturbance(a_server(), job, Observation(readers=readers)))


def test_a_node_that_is_not_ready_disturbs_the_trial_and_not_its_size() -> None:
    """Before the load, when the server does not get ready, as after it."""
    gone = {"node1": "Kubelet stopped posting node status."}
    observation = Observation(servers=(a_server(pod=STARTING),), not_ready=gone)
    row = next_move(a_run(at=500), observation).record
    assert row is not None
    assert Outcome.DISTURBED is row.outcome
    assert "node node1 is not ready: Kubelet stopped posting node status." == row.message
    failure = disturbance(a_server(), job_with(None, refused=3), Observation(not_ready=gone))
    assert failure is not None
    assert Outcome.DISTURBED is failure.outcome


def test_how_long_a_reader_is_waited_for_is_bounded() -> None:
    """A reader is no reason for a run to take much longer."""
    assert reader.STUCK_PATIENCE_SECONDS < reader.PATIENCE_SECONDS <= 60
