"""The operator is killed, paused and doubled."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e import support
from tests.e2e.support import TWO_SIZES, Object, Profile, Run, cost_profile
from tests.faults import lives, mortal, processes
from tests.faults.lives import Life
from tests.faults.operators import OperatorProcess, Operators
from tests.faults.rows import Fault

from modelprofiler.api.trial import Stage

Apply = Callable[[Object, str], Profile]
Happened = Callable[[str], None]

PART = "The operator"
NOTHING_LOST = (
    "no finished trial is lost or run again, no load is sent twice, the run ends by itself with its result, nothing is "
    "left"
)
WRITES = ("create configmaps", "create deployments", "create jobs", "delete jobs", "update modelprofiles/status")
"""What every run writes."""
KILLS = int(os.environ.get("FAULTS_KILLS", "50"))
LONGEST_RUN = 900.0
"""Seconds of a run whose operator is killed all the time: it makes progress only in between."""


def _has_ended(profile: Profile) -> bool:
    condition = profile.condition("Finished")
    return condition is not None and condition.status == "True"


@Fault(
    PART,
    "killed (SIGKILL)",
    "just before and just after each request by which it writes something, one after the other in one run",
    NOTHING_LOST,
)
def test_killed_between_any_two_writes(
    apply: Apply, in_place: Operators, namespace: str, tmp_path: Path, happened: Happened
) -> None:
    """A process that dies at every point that it comes to for the first time, started again each time."""
    fate = tmp_path / "fate"
    operator = in_place.make("mortal", fate=fate)
    profile = apply(cost_profile("points", resources=TWO_SIZES), namespace)
    life = Life.of(profile)
    deadline = time.monotonic() + LONGEST_RUN
    while not _has_ended(profile):
        assert time.monotonic() < deadline, profile.story()
        if operator.is_dead:
            operator.start()
        time.sleep(0.3)
    points = mortal.read(fate)
    assert len(points) == len(set(points)) == operator.starts - (not operator.is_dead)
    for writes in WRITES:
        assert any(f"before {writes}" in point for point in points), writes
        assert any(f"after {writes}" in point for point in points), writes
    if operator.is_dead:
        operator.start()
    happened(f"{len(points)} kills at {len(points)} different points; {life.verified()}")


@Fault(PART, "killed (SIGKILL)", f"at {KILLS} random moments, half a second to nine seconds apart", NOTHING_LOST)
def test_killed_at_random_moments(apply: Apply, in_place: Operators, namespace: str, happened: Happened) -> None:
    """One run after the other, each of four trials, until all kills are done."""
    seed = int(os.environ.get("FAULTS_SEED") or time.time())
    chance = random.Random(seed)
    operator = in_place.make("random")
    kills, runs, how = 0, 0, ""
    deadline = time.monotonic() + LONGEST_RUN
    while kills < KILLS:
        runs += 1
        profile = apply(cost_profile(f"random-{runs}", search={"strategy": "Grid"}), namespace)
        life = Life.of(profile)
        while kills < KILLS and not _has_ended(profile):
            assert time.monotonic() < deadline, profile.story()
            time.sleep(chance.uniform(0.5, 9.0))
            operator.kill()
            kills += 1
            operator.start()
        how = life.verified()
    happened(f"{kills} kills (seed {seed}) in {runs} {'run' if runs == 1 else 'runs'}; the last run: {how}")


@Fault(
    PART,
    "paused (SIGSTOP) for 60 s while a second one stands by",
    "under load",
    f"the second one serves once the Lease has run out; the first one steps back when it goes on; {NOTHING_LOST}",
)
def test_paused_while_another_stands_by(
    apply: Apply, in_place: Operators, namespace: str, kubectl: Run, happened: Happened
) -> None:
    """Two that serve at the same time would do everything twice."""
    first = in_place.make("first")
    _wait_for_lease(kubectl, first)
    second = in_place.make("second")
    profile = apply(cost_profile("paused", resources=TWO_SIZES), namespace)
    profile.at_stage(Stage.LOADING)
    life = Life.of(profile)
    with processes.paused(first.pid):
        began = time.monotonic()
        _wait_for_lease(kubectl, second)
        taken = time.monotonic() - began
        time.sleep(max(0.0, 60 - taken))
    how = life.verified()
    assert _holder(kubectl) == "faults/second"
    assert not first.is_dead
    deadline = time.monotonic() + support.PATIENCE
    while "has stopped serving" not in (log := first.read_log()):
        assert time.monotonic() < deadline, log[-2000:]
        time.sleep(support.POLL_SECONDS)
    happened(f"the second one served after {taken:.0f} s, the first one stood by after its pause; {how}")


def _holder(kubectl: Run) -> str:
    path = "jsonpath={.spec.holderIdentity}"
    return kubectl("get", "lease", "modelprofiler", "--namespace", "kube-system", "-o", path, check=False).stdout


def _wait_for_lease(kubectl: Run, operator: OperatorProcess) -> None:
    deadline = time.monotonic() + 90
    while _holder(kubectl) != f"faults/{operator.name}":
        assert time.monotonic() < deadline, operator.read_log()[-2000:]
        time.sleep(support.POLL_SECONDS)


@Fault(
    PART,
    "its pod is deleted without notice",
    "while a server starts",
    f"another pod goes on, within half a minute; {NOTHING_LOST}",
)
def test_its_pod_is_deleted(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """As with a lost node: the new pod has another name, and waits until the Lease has run out."""
    profile = apply(lives.short("pod"), namespace)
    profile.at_stage(Stage.STARTING)
    life = Life.of(profile)
    pod = support.operator_pod(kubectl)
    kubectl("delete", "pod", pod, "--namespace", support.SYSTEM_NAMESPACE, "--grace-period=0", "--force")
    happened(life.verified())
