"""Whether the pods of a run can be resized, as far as the API server and the kubelet show it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.cluster.decide.test_status import ACCEPTED
from tests.unit.cluster.objects import profile

from modelprofiler.api.status import Provenance
from modelprofiler.cluster.decide.resizing import notes, obstacle

CANNOT = replace(ACCEPTED, resizes=False)


@pytest.mark.parametrize(
    "kubelet", ["v1.33.0", "v1.35.4", "v1.100.1-gke.5", "v2.0.0", "1.33", None, "", "unknown", "v1"]
)
def test_a_kubelet_that_may_do_it_is_no_obstacle(kubelet: str | None) -> None:
    """An unknown one is no obstacle either: whether it can resize shows when it is asked to."""
    assert "" == obstacle(ACCEPTED, Provenance(kubelet_version=kubelet))


@pytest.mark.parametrize("kubelet", ["v1.32.9", "v1.31.14+k3s1", "v1.30.5-eks-1a2b", "1.32"])
def test_a_kubelet_that_is_older_than_the_api_server_is_an_obstacle(kubelet: str) -> None:
    """It would take no notice, and each trial would wait for it in vain."""
    reason = f"the kubelet has version {kubelet}, and kubelets resize pods from 1.33 on"
    assert reason == obstacle(ACCEPTED, Provenance(kubelet_version=kubelet))


def test_without_the_subresource_the_kubelet_does_not_matter() -> None:
    """The API server is asked first; before the first trial the kubelet is not known."""
    reason = "the API server has no pods/resize, which came with Kubernetes 1.33"
    assert [reason] * 2 == [
        obstacle(CANNOT, provenance) for provenance in (None, Provenance(kubelet_version="v1.32.0"))
    ]


@pytest.mark.parametrize(("choice", "index"), [("Auto", 1), ("InPlace", 1), ("Recreate", 0)])
def test_a_profile_that_wants_fresh_pods_gets_no_note(choice: str, index: int) -> None:
    """It gets what it asks for."""
    assert index == len(notes(profile(search={"resize": choice}).spec, CANNOT, None))
    assert [] == notes(profile(search={"resize": choice}).spec, ACCEPTED, None)
