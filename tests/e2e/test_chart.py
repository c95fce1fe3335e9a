"""The chart by the real Helm while profiles are there: an upgrade loses nothing, an uninstall holds nothing back.

The last test here uninstalls; the chart is installed again afterwards, for whatever comes next.
"""

import time
from collections.abc import Callable, Iterator

import pytest
from tests.e2e.support import (
    ONE_SIZE,
    SYSTEM_NAMESPACE,
    Object,
    Profile,
    Run,
    children_of,
    cost_profile,
    gone_within,
    operator_pod,
    pods_started,
)

from modelprofiler.api.status import Outcome, Stage

Apply = Callable[[Object, str], Profile]
Install = Callable[..., None]


@pytest.fixture
def uninstalled(helm: Run, install: Install) -> Iterator[Callable[[], None]]:
    """Return a function that uninstalls the chart; it is installed again in the end."""

    def run() -> None:
        helm("uninstall", "modelprofiler", "--namespace", SYSTEM_NAMESPACE, "--wait", "--timeout=60s", timeout=90)

    yield run
    install()


@pytest.fixture
def confined(install: Install, namespace: str) -> Iterator[str]:
    """Serve one namespace only, and all of them again in the end."""
    install(f"--set=watchNamespaces={{{namespace}}}")
    yield namespace
    install()


def test_an_operator_for_one_namespace_needs_no_more_rights_than_it_has_there(
    apply: Apply, confined: str, module_namespace: str, kubectl: Run
) -> None:
    """A whole run in the namespace that is served; a profile elsewhere is not looked at."""
    elsewhere = apply(cost_profile("elsewhere", resources=ONE_SIZE), module_namespace)
    profile = apply(cost_profile("confined", resources=ONE_SIZE), confined)

    assert [Outcome.PASSED] == [row.outcome for row in profile.succeeded().trials]
    assert "status" not in elsewhere.fetch()
    kubectl("delete", "modelprofile", elsewhere.name, "--namespace", module_namespace)


def test_an_upgrade_in_the_middle_of_a_trial_loses_nothing(
    apply: Apply, install: Install, namespace: str, kubectl: Run
) -> None:
    """The operator's pod is another one; the trial under way is the one that is recorded."""
    profile = apply(cost_profile("upgraded", resources=ONE_SIZE), namespace)
    before = profile.at_stage(Stage.LOADING)
    pod = operator_pod(kubectl)
    install("--set-string=podAnnotations.upgraded=by-a-test")
    assert operator_pod(kubectl) != pod

    status = profile.succeeded()
    assert before.active_trial is not None
    assert [before.active_trial.start_time] == [row.start_time for row in status.trials]
    assert [Outcome.PASSED] == [row.outcome for row in status.trials]
    assert 1 == pods_started(kubectl, namespace, "Job").total()


def test_without_the_operator_a_profile_can_still_be_deleted(
    apply: Apply, uninstalled: Callable[[], None], namespace: str, kubectl: Run, note: Callable[[str], None]
) -> None:
    """Uninstalled under load: CRD and profile stay; deleting the profile takes no time and takes its children along."""
    profile = apply(cost_profile("left-behind", resources=ONE_SIZE), namespace)
    profile.at_stage(Stage.LOADING)
    uninstalled()
    kubectl("get", "crd", "modelprofiles.modelprofiler.io")
    assert "" == kubectl("get", "deployments", "--namespace", SYSTEM_NAMESPACE, "-o", "name").stdout
    uid = profile.fetch()["metadata"]["uid"]
    assert children_of(kubectl, namespace, uid)

    began = time.monotonic()
    kubectl("delete", "modelprofile", profile.name, "--namespace", namespace, "--timeout=10s", timeout=20)
    gone_within(30, lambda: children_of(kubectl, namespace, uid))
    note(f"chart: without an operator a profile and its children were gone in {time.monotonic() - began:.0f} s")
