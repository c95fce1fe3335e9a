"""Reads Prometheus where it has the container's series, else the kubelet."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.series import ContainerSamples, resets
from modelprofiler.metrics.source import ContainerRef, MetricsSource

FRESH_SECONDS = 120.0
"""Age of the newest sample above which a series is no longer scraped. Chosen: more than cAdvisor's 20 s together with
two scrapes 45 s apart, the slowest that are used."""
PAUSE_SECONDS = 30.0
"""How long Prometheus is not asked after it did not answer: each question may last until its timeout of 10 s, and would
hold up every run."""
COARSEST_SECONDS = 45.0
"""Median distance of samples above which Prometheus is not used: a load of half a minute would often have none of its
samples, where the kubelet has two. Scrapes every 15 and 30 s, the usual intervals, are below it."""

OTHER_TIMES = "Prometheus has given the samples the times of its scrapes (honor_timestamps: false)"
"""Why the kubelet is read although Prometheus has samples."""


class AutoSource:
    """Chooses between two sources at every call.

    A pod that has just started is not in Prometheus yet: until it is, the kubelet is read, so that no sample is missed.
    Prometheus shows a sample only after its next scrape, up to 15 s later by default, and misses samples between two
    scrapes. The kubelet's samples are therefore added, so that nothing waits for a scrape, and a scrape every 30 s is
    as good as any. Both have the same samples of cAdvisor, with the same times. `ContainerSamples.source` says which
    one was read and `ContainerSamples.remark` why. Where Prometheus has replaced the times, the kubelet's samples are
    better, and are taken as soon as there are two.

    Parameters
    ----------
    prometheus
        None where none is configured.
    kubelet
        The kubelet source.
    clock
        Returns the time, in seconds of any clock.
    """

    name = "Auto"

    def __init__(
        self, prometheus: MetricsSource | None, kubelet: MetricsSource, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._prometheus = prometheus
        self._kubelet = kubelet
        self._clock = clock
        self._pause: tuple[float, str] | None = None  # until when Prometheus is not asked, and why

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return the samples of `container` from the better source; see `MetricsSource.samples`."""
        samples, reason, warning = await self._ask_prometheus(container, start, end)
        if samples is not None:
            best = await self._with_kubelet(samples, container, start, end)
            return replace(best, remark=f"the kubelet is read: {best.warning}" if best.warning else reason)
        try:
            samples = await self._kubelet.samples(container, start, end)
        except MetricsUnavailable as error:
            raise MetricsUnavailable(f"{reason}; and {error}") from error
        return replace(samples, remark=f"the kubelet is read: {reason}", warning=warning)

    async def _with_kubelet(
        self, samples: ContainerSamples, container: ContainerRef, start: float, end: float
    ) -> ContainerSamples:
        """Return Prometheus' samples together with the kubelet's, if it answers."""
        try:
            of_kubelet = await self._kubelet.samples(container, start, end)
        except MetricsUnavailable:
            return samples
        if samples.restarts or of_kubelet.restarts or samples.newest is None:
            return samples  # counters of two containers, which each source has joined in its own way
        if samples.time_error:
            enough = len(of_kubelet.cpu_seconds) > 1
            return replace(of_kubelet, warning=OTHER_TIMES) if enough else samples
        merged = samples.merged(of_kubelet)
        if not resets(merged.cpu_seconds):
            return merged
        # A Prometheus that gives samples the time of its scrape has old values at later times, which must not be mixed.
        return samples.merged(of_kubelet.within(math.nextafter(samples.newest, math.inf), end))

    async def close(self) -> None:
        """Close both."""
        if self._prometheus:
            await self._prometheus.close()
        await self._kubelet.close()

    async def _ask_prometheus(
        self, container: ContainerRef, start: float, end: float
    ) -> tuple[ContainerSamples | None, str, str]:
        """Return Prometheus' samples and why they are used, or None and why they are not; and what is wrong with it."""
        if self._prometheus is None:
            return None, "no Prometheus is configured", ""
        if self._pause and self._clock() < self._pause[0]:
            return None, self._pause[1], ""
        try:
            samples = await self._prometheus.samples(container, min(start, end - FRESH_SECONDS), end)
        except MetricsUnavailable as error:
            self._pause = self._clock() + PAUSE_SECONDS, str(error)
            return None, str(error), ""
        distances = [after.time - before.time for before, after in pairwise(samples.cpu_seconds)]
        if problem := _problem(samples, container, end, distances):
            return None, problem, samples.warning
        remark = f"Prometheus has a sample of {container} every {median(distances):.0f} s"
        return samples.within(start, end), remark, ""


def _problem(samples: ContainerSamples, container: ContainerRef, end: float, distances: Sequence[float]) -> str:
    """Return why Prometheus' samples are not used; empty where they are."""
    newest = samples.newest
    if newest is None:
        return samples.warning or f"Prometheus has no samples of {container}"
    if end - newest > FRESH_SECONDS:
        return f"Prometheus' newest sample of {container} is {end - newest:.0f} s old"
    if not distances:
        return f"Prometheus has only one sample of {container} so far"
    if median(distances) > COARSEST_SECONDS:
        return f"Prometheus has a sample of {container} only every {median(distances):.0f} s"
    return ""
