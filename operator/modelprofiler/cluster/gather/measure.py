"""Usage of a trial, read from the metrics source for the pod that the trial ran on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import assert_never

from modelprofiler.api.spec import SourceChoice
from modelprofiler.api.trial import Trial, UsageStatus
from modelprofiler.cluster.adapter import Cluster
from modelprofiler.cluster.gather.kubelets import Kubelets
from modelprofiler.cluster.gather.observation import LoadJob, Measured, Observation, Pod
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.windows import Window, windows_of
from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.auto import AutoSource
from modelprofiler.metrics.bounded import read_login, read_token
from modelprofiler.metrics.counted import Counted
from modelprofiler.metrics.kubelet import KubeletSource
from modelprofiler.metrics.missing import needed_metrics_missing
from modelprofiler.metrics.prometheus import PrometheusSource
from modelprofiler.metrics.series import ContainerSamples, thinned
from modelprofiler.metrics.source import ContainerRef, MetricsSource
from modelprofiler.metrics.usage import complete, node_cores, usage

BEFORE_SECONDS = 60.0
"""Samples are read from this long before a load: they show what the server uses when it is idle."""


KEPT_BEFORE_SECONDS, KEPT_AFTER_SECONDS = 30.0, 20.0
"""How far around a load its samples are kept: at 10 to 20 s apart, with one before and one after it."""


class Sources:
    """The metrics sources of an installation."""

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        kubelets = Kubelets(cluster, settings.kubelet_account, time.monotonic)
        self.errors: Counter[str] = Counter()
        """Questions that got no usable answer, by the name of the source."""
        ca = settings.kubelet_ca_file or cluster.ca_file
        self._kubelet = KubeletSource(
            kubelets.address,
            token=kubelets.token,
            ca_file=Path(ca) if ca else None,
            insecure=settings.kubelet_insecure_tls,
        )
        self._prometheus = None
        if settings.prometheus_url:
            self._prometheus = PrometheusSource(
                settings.prometheus_url,
                token=read_token(Path(settings.prometheus_token_file)) if settings.prometheus_token_file else None,
                basic_auth=read_login(Path(settings.prometheus_username_file), Path(settings.prometheus_password_file))
                if settings.prometheus_username_file
                else None,
                headers=settings.prometheus_headers,
                ca_file=Path(settings.prometheus_ca_file) if settings.prometheus_ca_file else None,
            )
        # One for good: it remembers for a while that Prometheus does not answer.
        self._auto = AutoSource(
            Counted(self._prometheus, self.errors) if self._prometheus else None, Counted(self._kubelet, self.errors)
        )

    def named(self, choice: SourceChoice) -> MetricsSource | None:
        """Return the source that ``spec.metrics.source`` chooses; None where the installation has none."""
        match choice:
            case "Auto":
                return self._auto
            case "Kubelet":
                return Counted(self._kubelet, self.errors)
            case "Prometheus":
                return Counted(self._prometheus, self.errors) if self._prometheus else None
            case _:
                assert_never(choice)

    async def close(self) -> None:
        """Close every connection."""
        await self._kubelet.close()
        if self._prometheus is not None:
            await self._prometheus.close()


async def measure(
    source: MetricsSource | None,
    namespace: str,
    container: str,
    seen: Observation,
    trials: Sequence[Trial],
    now: datetime,
) -> Observation:
    """Return the observation with usage read for the Jobs whose server's pod still lives.

    It is called also while a load runs: the kubelet only ever shows the latest sample, so the source collects them by
    being asked.

    Parameters
    ----------
    trials
        The finished trials of the run: their Jobs may be gone, but the server had their load to serve.
    """
    jobs = []
    for job in seen.jobs:
        server = seen.server(job.incarnation)
        pod = server.pod if server else None
        if pod is None or pod.uid != job.server_pod or not pod.node:
            jobs.append(job)
        elif source is None:
            problem = "this installation names no Prometheus (chart value prometheus.url)"
            jobs.append(replace(job, measured=Measured(None, complete=True, problem=problem, reachable=False)))
        else:
            undisturbed = Window(*_undisturbed(job, pod, seen, trials, now))
            jobs.append(
                replace(job, measured=await _measured(source, namespace, container, job, pod, undisturbed, now))
            )
    return replace(seen, jobs=tuple(jobs))


def _undisturbed(
    job: LoadJob, pod: Pod, seen: Observation, trials: Sequence[Trial], now: datetime
) -> tuple[float, float]:
    """Return the time around a load in which the server had nothing else to do."""
    # Which of the two clocks the operator and the API server agree with is not known: the later time is taken for what
    # must be over, and the earlier one for what must not have begun.
    ahead = clock_offset(job, pod)
    late, early = max(0.0, ahead), min(0.0, ahead)
    before = [row.completion_time.timestamp() + late for row in trials if row.index < job.trial]
    after = [j.created.timestamp() + early for j in seen.jobs if j.trial > job.trial]
    ready = pod.ready_at or pod.created
    # Trials are recorded some time after their load has ended, but before the next one begins.
    begins, ends = job.created.timestamp() + late, now.timestamp() + 1 + late
    return min(max([ready.timestamp(), *before]), begins), min([ends, *after])


def clock_offset(job: LoadJob, pod: Pod) -> float:
    """Return the seconds by which the clock of the server's node is ahead of the load's; 0 where it is not known.

    cAdvisor gives its samples the time of the server's node, and the load its windows that of its own.
    """
    reading = job.result.node if job.result is not None else None
    if reading is None or reading.clock_offset is None or job.node == pod.node:
        return 0.0
    return reading.clock_offset


async def _measured(
    source: MetricsSource, namespace: str, container: str, job: LoadJob, pod: Pod, undisturbed: Window, now: datetime
) -> Measured:
    reference = ContainerRef(namespace, pod.name, container, pod.uid, pod.node)
    result = job.result
    if result is not None and result.node is not None and result.node.clocks_moved and job.node != pod.node:
        return Measured(None, complete=True, problem=result.node.problem)
    ahead = clock_offset(job, pod)
    start = ((result.started if result else None) or job.created.timestamp()) - BEFORE_SECONDS + min(0.0, ahead)
    try:
        samples = await source.samples(reference, start, now.timestamp() + max(0.0, ahead))
    except MetricsUnavailable as error:
        return Measured(None, complete=False, problem=str(error), reachable=False)
    load = windows_of(result, undisturbed, ahead) if result is not None else None
    if load is None:
        return Measured(None, complete=False)
    used = usage(samples, load)
    problem = _problem(source.name, samples, reference, used)
    kept = samples.within(load.start - KEPT_BEFORE_SECONDS, load.end + KEPT_AFTER_SECONDS)
    # With times that are not exact, only a sample from after the last response shows everything that it used.
    window = Window(load.window.start, load.end) if samples.time_error else load.window
    return Measured(
        used,
        complete(samples, used, window, now.timestamp() + ahead),
        problem,
        cpu_seconds=thinned(kept.cpu_seconds),
        memory=thinned(kept.working_set_bytes),
        node_cores=node_cores(samples, load.start, load.end),
        warning=samples.warning,
    )


def _problem(source: str, samples: ContainerSamples, container: ContainerRef, used: UsageStatus | None) -> str:
    """Return why there is no usage, or not the CPU or the memory; empty where there is, or too few samples are why."""
    if used is None:
        why = f": {samples.warning}" if samples.warning else ""
        return f"{source} has no samples of {container} from the load{why}"
    if lacking := needed_metrics_missing(samples):
        return f"{samples.source} has {lacking} of {container}"
    if used.cpu is None and samples.time_error:
        return (
            f"the times of {samples.source}' samples are those of its scrapes (honor_timestamps: false) and up to "
            f"{samples.time_error:.0f} s off, too much to compute the CPU usage of this load"
        )
    return ""
