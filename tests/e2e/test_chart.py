"""The chart by the real Helm while profiles are there: an upgrade loses nothing, an uninstall holds nothing back.

The last test here uninstalls; the chart is installed again afterwards, for whatever comes next.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from tests.e2e.support import (
    ONE_SIZE,
    SYSTEM_NAMESPACE,
    Object,
    Profile,
    Run,
    children_of,
    cost_profile,
    fresh_namespace,
    informative,
    operator_pod,
    pods_started,
    wait_until_gone,
)

from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import Outcome, Stage

Apply = Callable[[Object, str], Profile]
Install = Callable[..., None]


@pytest.fixture
def uninstalled(helm: Run, install: Install) -> Iterator[Callable[[], None]]:
    """Return a function that uninstalls the chart; it is installed again in the end."""

    def run() -> None:
        helm("uninstall", "modelprofiler", "--namespace", SYSTEM_NAMESPACE, "--wait", "--timeout=240s", timeout=250)

    yield run
    install()


@dataclass(frozen=True)
class Upgraded:
    """A run for which the chart was upgraded in the middle, of an operator that serves only its namespace."""

    before: ModelProfileStatus
    """When the load of its first trial ran."""
    status: ModelProfileStatus
    """In the end."""
    elsewhere: Object
    """A profile in another namespace, at that time."""


@pytest.fixture(scope="module")
def upgraded(apply: Apply, install: Install, module_namespace: str, kubectl: Run) -> Iterator[Upgraded]:
    """Serve one namespace only, with the rights of one, and upgrade under load; serve all of them again in the end."""
    only = f"--set=watchNamespaces={{{module_namespace}}}"
    install(only)
    with fresh_namespace(kubectl) as another:
        elsewhere = apply(cost_profile("elsewhere", resources=ONE_SIZE), another)
        profile = apply(cost_profile("upgraded", resources=ONE_SIZE), module_namespace)
        before = profile.at_stage(Stage.LOADING)
        pod = operator_pod(kubectl)
        install(only, "--set-string=podAnnotations.upgraded=by-a-test")
        assert operator_pod(kubectl) != pod
        yield Upgraded(before, profile.succeeded(), elsewhere.fetch())
    install()


def test_an_operator_for_one_namespace_needs_no_more_rights_than_it_has_there(upgraded: Upgraded) -> None:
    """A whole run in the namespace that is served; a profile elsewhere is not looked at."""
    assert [Outcome.PASSED] == [row.outcome for row in informative(upgraded.status.trials)]
    assert "status" not in upgraded.elsewhere


def test_an_upgrade_in_the_middle_of_a_trial_loses_nothing(
    upgraded: Upgraded, module_namespace: str, kubectl: Run
) -> None:
    """The operator's pod is another one; the trial under way is the one that is recorded, and no load ran twice."""
    active, rows = upgraded.before.active_trial, upgraded.status.trials
    assert active is not None
    assert active.start_time == rows[active.index - 1].start_time
    assert len(rows) == pods_started(kubectl, module_namespace, "Job").total()


def test_without_the_operator_a_profile_can_still_be_deleted(
    apply: Apply, uninstalled: Callable[[], None], module_namespace: str, kubectl: Run, note: Callable[[str], None]
) -> None:
    """Uninstalled under load: CRD and profile stay; deleting the profile takes no time and takes its children along."""
    # A load that goes on for as long as uninstalling may take.
    profile = apply(cost_profile("left-behind", resources=ONE_SIZE, load={"duration": "120s"}), module_namespace)
    profile.at_stage(Stage.LOADING)
    uninstalled()
    kubectl("get", "crd", "modelprofiles.modelprofiler.io")
    assert "" == kubectl("get", "deployments", "--namespace", SYSTEM_NAMESPACE, "-o", "name").stdout
    uid = profile.fetch()["metadata"]["uid"]
    assert children_of(kubectl, module_namespace, uid)

    began = time.monotonic()
    kubectl("delete", "modelprofile", profile.name, "--namespace", module_namespace, "--timeout=50s")
    wait_until_gone(lambda: children_of(kubectl, module_namespace, uid))
    note(f"chart: without an operator a profile and its children were gone in {time.monotonic() - began:.0f} s")
