"""Why Prometheus has no samples of a container: what its answer shows."""

from __future__ import annotations

import pytest

from modelprofiler.metrics.labels import MARK, answer, question
from modelprofiler.metrics.source import ContainerRef

REF = ContainerRef("team", "digits-1", "server", pod_uid="0e3f2d3c-1111-2222-3333-444455556666")
WHO = "Prometheus at http://p:9090"
CPU = "container_cpu_usage_seconds_total"
KUBELETS = "it has to scrape the kubelets' /metrics/cadvisor"
BUT = f"{WHO} has {CPU} of pod team/digits-1, but"
THERE = {MARK: "cadvisor"}
HAVE_TO_BE = ". The labels have to be those of the kubelet's /metrics/cadvisor: namespace, pod and container"
RIGHT = {"namespace": "team", "pod": "digits-1", "container": "server"}

ANSWERS: dict[str, tuple[list[dict[str, str]], str]] = {
    "all is there": ([THERE, RIGHT], ""),
    "a pod that has not been scraped yet": ([THERE], ""),
    "nothing": ([], f"{WHO} has no {CPU}: {KUBELETS}"),
    "only OpenTelemetry": (
        [{MARK: "opentelemetry"}],
        f"{WHO} has names of OpenTelemetry's kubeletstats receiver, which are not read, and no {CPU}: {KUBELETS}",
    ),
    "a label that nobody has heard of, found by the uid in the path": (
        [THERE, {**RIGHT, "pod": "", "k8s_pod": "digits-1"}],
        f"{BUT} the name of the pod is in the label k8s_pod and not in pod{HAVE_TO_BE}",
    ),
    "a label that was dropped": (
        [THERE, {"namespace": "team", "pod": "digits-1"}],
        f"{BUT} no label has the name of the container{HAVE_TO_BE}",
    ),
    "the best of several series is the one to talk of": (
        [THERE, {"pod": "digits-1"}, {**RIGHT, "namespace": "", "exported_namespace": "team"}],
        f"{BUT} the name of the namespace is in the label exported_namespace and not in namespace{HAVE_TO_BE}",
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_the_sentence_says_which_metric_or_label_is_wrong(case: str) -> None:
    """Nothing is said where nothing is known to be wrong."""
    rows, sentence = ANSWERS[case]
    assert sentence == answer(REF, rows, WHO)


def test_a_name_cannot_become_a_part_of_the_query() -> None:
    """Names of Kubernetes have no quotes, but nobody else is relied on for that."""
    assert '{pod="a\\"b\\\\"}' in question(ContainerRef("team", 'a"b\\', "server"))


def test_the_path_of_the_control_group_is_searched_with_both_drivers() -> None:
    """The systemd driver writes underscores; without a uid nothing is searched."""
    assert f'id=~".*pod({REF.pod_uid}|{REF.pod_uid.replace("-", "_")}).*"' in question(REF)
    assert "id=~" not in question(ContainerRef("team", "digits-1", "server"))
