"""The profile, its namespace, what it names and the chart are changed or removed in the middle of a run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from tests.e2e import support
from tests.e2e.support import SYSTEM_NAMESPACE, TWO_SIZES, Object, Profile, Run, cost_profile
from tests.faults import lives
from tests.faults.lives import Life
from tests.faults.rows import Fault

from modelprofiler.api.trial import Stage

Apply = Callable[[Object, str], Profile]
Happened = Callable[[str], None]
Install = Callable[..., None]

RESOURCE, AROUND, CHART = "The ModelProfile", "What a run needs", "The chart"
LONG = {"duration": "120s"}
STAGES = (Stage.STARTING, Stage.LOADING, Stage.MEASURING)


@Fault(
    RESOURCE,
    "deleted",
    "while a server starts, under load, and while samples are awaited",
    "everything of it is gone within 30 s",
)
def test_deleted_at_every_stage(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Nobody holds the deletion up."""
    for stage in STAGES:
        profile = apply(lives.short(f"deleted-{stage.value.lower()}"), namespace)
        profile.at_stage(stage)
        life = Life.of(profile)
        kubectl("delete", "modelprofile", profile.name, "--namespace", namespace, "--timeout=50s")
        happened(f"{stage.value}: gone after {life.gone(lives.TRUTH_SECONDS):.0f} s")


@Fault(
    RESOURCE,
    "deleted and created again under the same name",
    "under load",
    "the new one has its own run from the first trial; nothing of the old one is used or left",
)
def test_recreated(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Both have the same names of objects but for a hash of their uid."""
    document = lives.short("again")
    profile = apply(document, namespace)
    profile.at_stage(Stage.LOADING)
    old = Life.of(profile)
    kubectl("delete", "modelprofile", profile.name, "--namespace", namespace, "--timeout=50s")
    apply(document, namespace)
    assert profile.fetch()["metadata"]["uid"] != old.uid
    status = profile.succeeded()
    assert old.before.active_trial is not None
    assert all(trial.start_time > old.before.active_trial.start_time for trial in status.trials)
    old.gone()
    Life.of(profile).gone()
    count = len(status.trials)
    happened(f"Verified; {count} {'trial' if count == 1 else 'trials'}, all of the new one")


@Fault(
    RESOURCE,
    "suspended and resumed",
    "while a server starts",
    "it gives its turn back and leaves nothing; resumed, it ends with its result",
)
def test_suspended_while_a_server_starts(apply: Apply, namespace: str, happened: Happened) -> None:
    """No load has begun, so that there is nothing to be finished first."""
    profile = apply(lives.short("suspended"), namespace)
    profile.at_stage(Stage.STARTING)
    life = Life.of(profile)
    profile.patch({"suspend": True})
    profile.wait_for("Finished", "False", "Suspended")
    life.gone()
    profile.patch({"suspend": False})
    happened(life.verified())


@Fault(
    RESOURCE,
    "its status is wiped by hand",
    "under load of the second trial",
    "the run begins anew; what was running is used or removed, never both; it ends with its result",
)
def test_status_wiped(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """By an administrator: tenants may not. The state of a run is its status: this run is lost, and only that."""
    profile = apply(cost_profile("wiped", resources=TWO_SIZES), namespace)
    profile.at_stage(Stage.LOADING, trial=2)
    life = Life.of(profile)
    patch = json.dumps([{"op": "remove", "path": "/status"}])
    kubectl(
        *("patch", "modelprofile", profile.name, "--namespace", namespace),
        *("--subresource=status", "--type=json", "-p", patch),
    )
    status = profile.succeeded()
    assert list(range(1, len(status.trials) + 1)) == [trial.index for trial in status.trials]
    life.gone()
    happened(f"Verified; trials: {', '.join(f'{t.index} {t.outcome}' for t in status.trials)}; nothing left")


@Fault(
    AROUND,
    "its namespace is deleted",
    "under load",
    "the namespace is gone within two minutes; the next profile, elsewhere, has its turn",
)
def test_namespace_deleted(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Nothing can be written there any more, and the turn goes on all the same."""
    with support.fresh_namespace(kubectl) as doomed:
        profile = apply(lives.short("doomed", load=LONG), doomed)
        profile.at_stage(Stage.LOADING)
        after = apply(lives.short("after"), namespace)
        began = time.monotonic()
        kubectl("delete", "namespace", doomed, "--timeout=150s", timeout=160)
        took = time.monotonic() - began
        assert took < 120
        after.wait_until("its turn", lambda status: status.start_time is not None)
        turn = time.monotonic() - began
        happened(f"gone after {took:.0f} s; the next one ran after {turn:.0f} s; {Life.of(after).verified()}")


@Fault(
    AROUND,
    "the ConfigMap with its rows is changed",
    "after the first of two sizes",
    "the digest of the rows changes, so that a new run begins; trials of different rows are never compared",
)
def test_rows_changed(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """The rows are the same in number, and others."""

    def rows(text: str) -> None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rows"}, "data": {"rows": text}}
        kubectl("--namespace", namespace, "apply", "-f", "-", input=json.dumps(body))

    rows("1\n2\n3\n")
    source = {"source": {"configMap": {"name": "rows", "key": "rows"}}}
    profile = apply(cost_profile("changed-rows", dataset=source, resources=TWO_SIZES), namespace)
    before = profile.wait_until("the first trial", lambda status: status.trials_completed > 0)
    life = Life.of(profile)
    rows("4\n5\n6\n")
    status = profile.succeeded()
    assert (before.run_hash, before.dataset) != (status.run_hash, status.dataset)
    assert not {t.start_time for t in before.trials} & {t.start_time for t in status.trials}
    life.gone()
    happened(f"a new run, Verified; {len(status.trials)} trials, none from before")


@Fault(
    AROUND,
    "a ResourceQuota allows no further pods",
    "after the first of two sizes, which needs a fresh pod; lifted 30 s later",
    "the status says so with the quota's words within 30 s; the finished trial stays; the run goes on by itself",
)
def test_quota_reduced(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """The first trial was admitted."""
    search = {"repetitions": 1, "maxTrials": 10, "resize": "Recreate"}
    profile = apply(cost_profile("quota", resources=TWO_SIZES, search=search), namespace)
    profile.wait_until("the first trial", lambda status: status.trials_completed > 0)
    life = Life.of(profile)
    kubectl("--namespace", namespace, "create", "quota", "none", "--hard=pods=0")
    try:
        began = time.monotonic()
        refused = profile.wait_until("the quota", lambda s: "exceeded quota" in str(s.to_dict()), within=90)
        took = time.monotonic() - began
        assert [t.index for t in life.before.trials] == [t.index for t in refused.trials[: len(life.before.trials)]]
        time.sleep(30)
    finally:
        kubectl("--namespace", namespace, "delete", "quota", "none")
    happened(f"in the status after {took:.0f} s; {life.verified(lost_trials=2)}")


@Fault(
    CHART,
    "uninstalled, and installed again 20 s later",
    "under load",
    "the run goes on where it was; no load is sent twice; nothing is left",
)
def test_chart_reinstalled(
    apply: Apply, install: Install, helm: Run, namespace: str, kubectl: Run, happened: Happened
) -> None:
    """The load ends without an operator, and its result waits in its pod."""
    profile = apply(lives.short("reinstalled"), namespace)
    profile.at_stage(Stage.LOADING)
    life = Life.of(profile)
    helm("uninstall", "modelprofiler", "--namespace", SYSTEM_NAMESPACE, "--wait", "--timeout=240s", timeout=250)
    time.sleep(20)
    install()
    happened(life.verified(lost_trials=1))
