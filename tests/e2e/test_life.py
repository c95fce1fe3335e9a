"""What a run lives through: the operator's death, its own deletion, edits of its spec, suspension, and a queue."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tests.e2e.support import (
    ONE_SIZE,
    TWO_SIZES,
    Object,
    Profile,
    Run,
    children_of,
    cost_profile,
    cost_server,
    find_condition,
    informative,
    operator_pod,
    pods_started,
    wait_until_gone,
)
from tests.faults import lives, processes
from tests.faults.lives import Life

from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import ActiveTrial, Outcome, Purpose, Stage, Trial
from modelprofiler.cluster.gather.room.capacity import rooms

Apply = Callable[[Object, str], Profile]

LOOSER = "9s"
"""An objective that whatever met the one of `cost_profile` meets too."""
DELAYED = cost_server(cpu_ms=5, memory_mib=32, delay_ms=100, threads=16)
"""Of all objectives its latency is the nearest to be missed: it is what is judged."""
PAUSE_SECONDS = 20.0
"""As long as a request to the API server is waited for. `make faults` makes it a minute, and much else."""
LONG = {"duration": "120s"}
"""A load that lasts until its profile is deleted, however busy the machine is."""


def kill_operator(kubectl: Run) -> None:
    """Kill the operator as a lost node would, and wait until the next one is there."""
    pod = operator_pod(kubectl)
    kubectl("delete", "pod", pod, "--namespace", "modelprofiler-system", "--grace-period=0", "--force")
    deployment = ("deployment/modelprofiler", "--namespace", "modelprofiler-system")
    kubectl("wait", "--for=condition=Available", *deployment, "--timeout=240s", timeout=250)
    assert operator_pod(kubectl) != pod


def succeeded_as(status: ModelProfileStatus) -> tuple[str, str] | None:
    """Return status and reason of the condition Succeeded."""
    condition = find_condition(status, "Succeeded")
    return None if condition is None else (condition.status, condition.reason)


def when(trials: list[Trial]) -> list[object]:
    """Return what distinguishes one measurement from another."""
    return [(row.index, row.limits, row.start_time, row.load) for row in trials]


@dataclass(frozen=True)
class Restarted:
    """A run whose operator was killed twice."""

    profile: Profile
    starting: ActiveTrial
    """The first trial when the operator was killed while its server started."""
    loading: ModelProfileStatus
    """The status when the operator was killed while the second trial's load ran."""
    status: ModelProfileStatus
    """In the end."""


@pytest.fixture(scope="module")
def restarted(apply: Apply, module_namespace: str, kubectl: Run, note: Callable[[str], None]) -> Restarted:
    """Run a grid of 2 x 2 sizes, and kill the operator while a server starts, and again while a load runs."""
    profile = apply(cost_profile("restarted", search={"strategy": "Grid"}), module_namespace)
    starting = profile.at_stage(Stage.STARTING, trial=1).active_trial
    assert starting is not None
    began = time.monotonic()
    kill_operator(kubectl)
    note(f"life: the next operator was ready {time.monotonic() - began:.0f} s after the first was killed")
    loading = profile.at_stage(Stage.LOADING, trial=2)
    kill_operator(kubectl)
    status = profile.succeeded()
    note(f"life: a grid of 2 x 2, and two kills, took {time.monotonic() - began:.0f} s")
    return Restarted(profile, starting, loading, status)


def test_an_operator_that_dies_goes_on_where_it_was(restarted: Restarted) -> None:
    """The trial it was at keeps its start time, and every row that was there stays as it was."""
    after, before = restarted.status.trials, restarted.loading
    assert before.active_trial is not None
    assert [restarted.starting.start_time, before.active_trial.start_time] == [row.start_time for row in after[:2]]
    assert when(before.trials) == when(after[: len(before.trials)])
    assert list(range(1, len(after) + 1)) == [row.index for row in after]
    assert {Outcome.PASSED} == {row.outcome for row in informative(after)}


def test_nothing_runs_twice_when_the_operator_dies(restarted: Restarted, kubectl: Run) -> None:
    """One load pod and one server pod for each trial, those that said nothing included."""
    trials = len(restarted.status.trials)
    loads = pods_started(kubectl, restarted.profile.namespace, "Job")
    assert trials == len(loads) == loads.total(), f"a load was sent twice: {loads}"
    servers = pods_started(kubectl, restarted.profile.namespace, "ReplicaSet")
    assert trials == len(servers) == servers.total(), f"a server was started twice: {servers}"


def test_a_grid_runs_every_combination_once(restarted: Restarted) -> None:
    """Also with an operator that dies. The cheapest that passed is recommended, and its own trial verifies it."""
    status = restarted.status
    expected = {(cpu, memory) for cpu in ("200m", "600m") for memory in ("64Mi", "128Mi")}
    trials = informative(status.trials)
    assert expected == {(str(row.limits.cpu), str(row.limits.memory)) for row in trials}
    assert len(expected) == len(trials)
    assert {Purpose.GRID} == {row.purpose for row in status.trials}
    (recommendation,) = status.recommendations
    assert ("200m", "64Mi") == (str(recommendation.limits.cpu), str(recommendation.limits.memory))
    assert recommendation.verification is not None
    assert recommendation.limits == status.trials[recommendation.verification.trial - 1].limits


def test_deleting_a_profile_in_the_middle_removes_everything(
    apply: Apply, namespace: str, kubectl: Run, note: Callable[[str], None]
) -> None:
    """Server, load, files and report; the delete itself does not wait for the operator."""
    profile = apply(cost_profile("deleted", resources=ONE_SIZE, load=LONG), namespace)
    profile.at_stage(Stage.LOADING)
    assert len(profile.children()) >= 4
    uid = profile.fetch()["metadata"]["uid"]

    began = time.monotonic()
    kubectl("delete", "modelprofile", profile.name, "--namespace", namespace, "--timeout=50s")
    note(f"life: kubectl delete took {time.monotonic() - began:.1f} s")
    took = wait_until_gone(lambda: children_of(kubectl, namespace, uid))
    note(f"life: after the deletion of a profile under load its children were gone within {took:.0f} s (30 at most)")
    left = kubectl("get", "configmaps", "--namespace", namespace, "-o", "name").stdout.split()
    assert {"configmap/costserver", "configmap/kube-root-ca.crt"} == set(left)


def test_an_edit_that_changes_what_is_measured_starts_a_new_run(apply: Apply, namespace: str) -> None:
    """Another rate in the middle of a trial: only rows of a new run. Other objectives, a mistake: none is lost."""
    profile = apply(cost_profile("edited", DELAYED, resources=ONE_SIZE), namespace)
    first_spec = profile.fetch()["spec"]
    first = profile.at_stage(Stage.LOADING)
    profile.patch({"load": {"openLoop": {"rate": "40"}}})

    status = profile.succeeded()
    assert first.run_hash != status.run_hash
    (row,) = informative(status.trials)
    assert first.active_trial is not None
    assert row.start_time > first.active_trial.start_time
    assert row.load is not None
    assert 32 <= float(row.load.rate) <= 48
    assert status.start_time is not None
    assert status.start_time >= first.active_trial.start_time
    assert {status.run_hash} == {key.split(".")[0] for key in profile.report()}
    wait_until_gone(profile.children)

    # What does not change a measurement: the same rows, judged again.
    profile.patch({"objectives": {"latency": {"p95": "1ms"}}})
    strict = profile.finished()
    assert when(status.trials) == when(strict.trials)
    assert status.run_hash == strict.run_hash
    assert ("False", "NoFeasibleSize") == succeeded_as(strict)
    (row,) = informative(strict.trials)
    assert Outcome.SLOW is row.outcome
    assert "1ms" == (row.judged and row.judged.threshold)
    assert not strict.recommendations

    profile.patch({"objectives": {"latency": {"p95": LOOSER}}})
    lenient = profile.succeeded()
    assert when(status.trials) == when(lenient.trials)
    (row,) = informative(lenient.trials)
    assert LOOSER == (row.judged and row.judged.threshold)
    assert status.recommendations == lenient.recommendations

    # What cannot be run: nothing is lost by it, and nothing measured again once it is put right.
    profile.patch({"dataset": {"source": {"configMap": {"name": "gone"}, "inline": None}}})
    bad = profile.wait_for("Accepted", "False", "SourceNotFound")
    assert lenient.trials == bad.trials
    assert ("False", "NotAccepted") == succeeded_as(bad)
    rows = first_spec["dataset"]["source"]["inline"]
    profile.patch({"dataset": {"source": {"configMap": None, "inline": rows}}})
    again = profile.succeeded()
    assert lenient.trials == again.trials
    assert lenient.recommendations == again.recommendations


def test_a_suspended_run_finishes_its_trial_and_later_goes_on(apply: Apply, namespace: str) -> None:
    """Suspended under load: that trial is recorded, its server goes; resumed, and with other objectives, it is kept."""
    profile = apply(cost_profile("suspended", DELAYED, resources=TWO_SIZES), namespace)
    first = profile.at_stage(Stage.LOADING, trial=1)
    profile.patch({"suspend": True})
    suspended = profile.wait_for("Finished", "False", "Suspended")
    assert [1] == [row.index for row in suspended.trials]
    assert suspended.active_trial is None
    assert first.active_trial is not None
    assert first.active_trial.start_time == suspended.trials[0].start_time
    wait_until_gone(profile.children)

    profile.patch({"suspend": False, "objectives": {"latency": {"p95": LOOSER}}})
    status = profile.at_stage(Stage.LOADING, trial=2)
    assert suspended.run_hash == status.run_hash
    assert when(suspended.trials) == when(status.trials)
    assert {LOOSER} == {row.judged.threshold for row in status.trials if row.judged}


def place_in_queue(status: ModelProfileStatus) -> int:
    """Return the place that a profile says it has in the queue; 0 when it is not in it."""
    return status.queue_position or 0


def is_running(status: ModelProfileStatus) -> bool:
    """Whether it is a profile's turn."""
    finished = find_condition(status, "Finished")
    return finished is not None and finished.reason == "Running"


def test_profiles_wait_their_turn(apply: Apply, namespace: str, kubectl: Run) -> None:
    """One runs on each node; the next two say their place in the queue, have no pods, and the older one goes first."""
    slots = len(rooms(json.loads(kubectl("get", "nodes", "-o", "json").stdout)["items"], None))
    profiles = []
    for number in reversed(range(slots + 2)):  # their names alone would give the opposite order
        profiles.append(apply(cost_profile(f"queued-{number}", resources=ONE_SIZE, load=LONG), namespace))
        time.sleep(1.1)  # creation times have whole seconds
    *running, second, third = profiles
    for profile in running:
        profile.wait_until("its turn", is_running)
    # They are distinguished by order, not number: the cluster may have other profiles.
    before = second.wait_until("a place in the queue", lambda s: place_in_queue(s) > 0)
    behind = third.wait_until("a place in the queue", lambda s: place_in_queue(s) > 0)
    assert place_in_queue(before) < place_in_queue(behind)
    assert [] == second.children() == third.children()

    for profile in running:
        kubectl("delete", "modelprofile", profile.name, "--namespace", namespace, "--timeout=50s")
    second.wait_until("its turn", is_running)
    if slots == 1:
        assert not is_running(third.status())
    kubectl("delete", "modelprofile", second.name, "--namespace", namespace, "--timeout=50s")
    third.wait_until("its turn", is_running)


@pytest.mark.skipif(
    not os.environ.get("MODELPROFILER_LOCALCLUSTER"),
    reason="processes are killed on the local cluster alone",
)
def test_a_load_is_killed_and_the_api_server_stands_still(
    apply: Apply, namespace: str, note: Callable[[str], None]
) -> None:
    """The first trial counts for nothing, the second one goes on: nothing is lost, sent twice or left."""
    profile = apply(lives.short("faults"), namespace)
    lives.wait_under_load(profile)
    life = Life.of(profile)
    processes.kill(processes.of_pod(lives.load_pod(profile)["metadata"]["uid"], "termination-log"))
    profile.at_stage(Stage.LOADING, trial=2)
    with processes.paused(processes.part("kube-apiserver")):
        time.sleep(PAUSE_SECONDS)
    note(f"faults: a load killed, and the API server paused for {PAUSE_SECONDS:.0f} s: {life.verified(lost_trials=1)}")
    first, *_ = profile.status().trials
    assert (Outcome.LOAD_FAILED, True) == (first.outcome, "exit code 137" in first.message), first.message
