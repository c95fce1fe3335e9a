"""What a trial says about the same load, whichever monitoring of those that clusters have is asked for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.integration.monitoring.conftest import Monitoring
from tests.integration.monitoring.exporter import COST, LOADED_MIB, ref

from modelprofiler.api.trial import UsageStatus
from modelprofiler.core.windows import LoadWindows
from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.prometheus import PrometheusSource
from modelprofiler.metrics.series import ContainerSamples
from modelprofiler.metrics.usage import usage

pytestmark = pytest.mark.timeout(180)

Read = Callable[..., Any]


@pytest.fixture
async def read(monitoring: Monitoring) -> AsyncIterator[Read]:
    """Return a function that reads the samples of a pod as the operator does: (server, pod, options of the source)."""
    sources: list[PrometheusSource] = []

    async def samples(
        server: str, pod: str, path: str = "", load: LoadWindows | None = None, **options: Any
    ) -> ContainerSamples:
        source = PrometheusSource(monitoring.urls[server] + path, **options)
        sources.append(source)
        around = (load or monitoring.node.load()).exclusive
        samples = await source.samples(ref(pod), around.start, around.end + 2)
        assert isinstance(samples, ContainerSamples)
        return samples

    yield samples
    for source in sources:
        await source.close()


def used(samples: ContainerSamples, load: LoadWindows) -> UsageStatus:
    """Return the usage, which there is."""
    status = usage(samples, load)
    assert status is not None
    return status


SCRAPES_LATE = 0.25
"""Of the CPU of a load whose samples have the times of scrapes. The node's clock runs twenty times as fast and the
scrapes do not: one that a busy machine delays by a tenth of a second is two seconds late. How exact the computation is
with scrapes that are on time is tried in tests/unit/metrics."""


def assert_true(status: UsageStatus, error: float = 0.03) -> None:
    """Check the CPU and the memory against what the server used."""
    assert status.cpu_time_per_request is not None
    assert pytest.approx(COST, rel=error) == status.cpu_time_per_request.seconds
    assert status.memory is not None
    assert pytest.approx(LOADED_MIB * 2**20, rel=0.01) == status.memory.peak.bytes


NOT_IN_STACK = (
    "Not known, as Prometheus does not have the metrics: mapped files, which the peak may lack "
    "(container_memory_mapped_file)."
)
NOT_IN_GRAFANA = (
    "Not known, as Prometheus does not have the metrics: workers that the kernel killed for lack of memory "
    "(container_oom_events_total); threads (container_threads); the lifetime peak of memory "
    "(container_memory_max_usage_bytes); mapped files, which the peak may lack (container_memory_mapped_file); "
    "page faults that read a disk (container_memory_failures_total)."
)
BOTH = pytest.mark.parametrize("server", ["prometheus", "debian's prometheus"])


@BOTH
@pytest.mark.parametrize("pod", ["stack", "stack-30s", "stack-60s", "stack-and-resource", "stack-node-labels"])
async def test_usage_is_true_with_kube_prometheus_stack(
    server: str, pod: str, read: Read, monitoring: Monitoring
) -> None:
    """Also with fewer scrapes, with the kubelet's /metrics/resource, and with the labels of the node on each series."""
    samples = await read(server, pod)
    status = used(samples, monitoring.node.load())
    assert_true(status)
    assert (9, 0, NOT_IN_STACK) == (status.threads, status.oom_kills, status.not_known)
    assert ((), 0.0) == (samples.restarts, samples.time_error)


@BOTH
async def test_what_grafanas_chart_drops_is_said(server: str, read: Read, monitoring: Monitoring) -> None:
    """CPU and memory are true from a sample each minute; the rest is absent, and named."""
    status = used(await read(server, "grafana"), monitoring.node.load())
    assert_true(status)
    assert (None, None, NOT_IN_GRAFANA) == (status.threads, status.oom_kills, status.not_known)


@BOTH
async def test_times_of_scrapes_are_noticed_and_allowed_for(server: str, read: Read, monitoring: Monitoring) -> None:
    """The samples around the load tell its CPU, whatever their times; those inside would be far off."""
    samples = await read(server, "stack-scrape-times", load=monitoring.node.load_in_real_time())
    assert samples.time_error > 0
    status = used(samples, monitoring.node.load_in_real_time())
    assert_true(status, SCRAPES_LATE)
    assert status.not_known is not None
    assert status.not_known.endswith("they are those of the scrapes (honor_timestamps: false).")


async def test_usage_is_true_with_the_chart_of_victoriametrics(read: Read, monitoring: Monitoring) -> None:
    """It replaces the times, drops the path of the control group, and adds all labels of the node."""
    samples = await read("victoriametrics", "vm-stack", load=monitoring.node.load_in_real_time())
    assert samples.time_error > 0
    assert not samples.restarts
    assert_true(used(samples, monitoring.node.load_in_real_time()), SCRAPES_LATE)


@pytest.mark.parametrize("server", ["deduplicated", "twice"])
async def test_a_pair_of_prometheus_is_read_as_one(server: str, read: Read, monitoring: Monitoring) -> None:
    """Behind a store that removes duplicates and one that has each series twice."""
    samples = await read(server, "stack")
    status = used(samples, monitoring.node.load())
    assert_true(status)
    assert ((), 0.0, NOT_IN_STACK) == (samples.restarts, samples.time_error, status.not_known)


@BOTH
async def test_a_cadvisor_of_its_own_is_read_with_the_labels_of_the_kubelets(
    server: str, read: Read, monitoring: Monitoring
) -> None:
    """It has the time of each CPU, and no sum."""
    status = used(await read(server, "alone-right"), monitoring.node.load())
    assert_true(status)
    assert status.not_known is None


CPU = "container_cpu_usage_seconds_total"
RENAMED = {
    "stack-own-labels": "the name of the namespace is in the label exported_namespace and not in namespace",
    "alone": "the name of the namespace is in the label container_label_io_kubernetes_pod_namespace and not in "
    "namespace; the name of the pod is in the label container_label_io_kubernetes_pod_name and not in pod; the name of "
    "the container is in the label container_label_io_kubernetes_container_name and not in container",
    "alone-mixin": "the name of the container is in the label container_label_io_kubernetes_container_name and not in "
    "container",
}


@BOTH
@pytest.mark.parametrize("pod", RENAMED)
async def test_a_renamed_label_is_named(server: str, pod: str, read: Read, monitoring: Monitoring) -> None:
    """The metrics are there, under other labels; the sentence says which, and which were right."""
    samples = await read(server, pod)
    assert not samples
    assert (
        f"Prometheus at {monitoring.urls[server]} has {CPU} of pod team/{pod}, but {RENAMED[pod]}. The labels have to "
        "be those of the kubelet's /metrics/cadvisor: namespace, pod and container"
    ) == samples.warning


async def test_the_names_of_opentelemetry_are_recognized(read: Read, monitoring: Monitoring) -> None:
    """They are not read, since their times are those of the collector."""
    samples = await read("opentelemetry", "otel", load=monitoring.node.load_in_real_time())
    assert not samples
    assert (
        f"Prometheus at {monitoring.urls['opentelemetry']} has names of OpenTelemetry's kubeletstats receiver, which "
        f"are not read, and no {CPU}: it has to scrape the kubelets' /metrics/cadvisor"
    ) == samples.warning


@BOTH
async def test_a_pod_that_has_not_been_scraped_is_no_fault_of_the_configuration(server: str, read: Read) -> None:
    """As each is in its first seconds."""
    assert "" == (await read(server, "newcomer")).warning


async def _password() -> str:
    return "reader:let-me-in"


async def _token() -> str:
    return "a-token"


LOGINS: dict[str, tuple[str, dict[str, Any]]] = {
    "password": ("", {"basic_auth": _password}),
    "token": ("", {"token": _token}),
    "tenant": ("/prometheus", {"headers": {"X-Scope-OrgID": "team-a"}}),
}


@pytest.mark.parametrize("login", LOGINS)
async def test_a_proxy_lets_the_operator_in(login: str, read: Read, monitoring: Monitoring) -> None:
    """By a password, by a token, or by the header that names a tenant, with a prefix of the path as Mimir has it."""
    path, options = LOGINS[login]
    assert_true(used(await read("proxy", "stack", path, **options), monitoring.node.load()))


@pytest.mark.parametrize("headers", [{}, {"X-Scope-OrgID": "team-b"}])
async def test_a_tenant_that_is_not_named_is_a_sentence(headers: dict[str, str], read: Read) -> None:
    """The server's own words follow."""
    with pytest.raises(MetricsUnavailable, match=r"^Prometheus at http://\S+ refused the query: HTTP 40\d"):
        await read("proxy", "stack", "/prometheus", headers=headers)
