"""Prometheus where it has the container's series, else the kubelet."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from statistics import median

from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.series import ContainerSamples, resets
from modelprofiler.metrics.source import ContainerRef, MetricsSource

FRESH_SECONDS = 120.0
"""A series without a sample in this time is not scraped, or no longer."""
PAUSE_SECONDS = 30.0
"""After it did not answer, Prometheus is not asked for so long: each question may last until its timeout."""
COARSEST_SECONDS = 45.0
"""Samples further apart than this (median) leave too few in a load of half a minute: the kubelet has more."""


class AutoSource:
    """Chooses between two sources, again with every question.

    A pod that has just started is not in Prometheus yet: until it is, the kubelet is asked, and so nothing is missed.
    Prometheus shows a sample only after its next scrape, up to 15 s later by default, and none that was followed by
    another one until then: what the kubelet has beside them is added, so that nobody waits for a scrape, and one every
    30 s is as good as any. Both show the same samples of cAdvisor, with the same times.
    `ContainerSamples.source` says which was read and `ContainerSamples.remark` why.

    Parameters
    ----------
    prometheus
        None where the installation names none.
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
        self._silent: tuple[float, str] | None = None  # until when Prometheus is left alone, and why

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return the samples of `container` from the better source, see `MetricsSource.samples`."""
        samples, why = await self._ask_prometheus(container, start, end)
        if samples is not None:
            return replace(await self._with_kubelet(samples, container, start, end), remark=why)
        try:
            samples = await self._kubelet.samples(container, start, end)
        except MetricsUnavailable as error:
            raise MetricsUnavailable(f"{why}; and {error}") from error
        return replace(samples, remark=f"the kubelet is read: {why}")

    async def _with_kubelet(
        self, samples: ContainerSamples, container: ContainerRef, start: float, end: float
    ) -> ContainerSamples:
        """Return Prometheus' samples and those that the kubelet has beside them, if it answers."""
        try:
            found = await self._kubelet.samples(container, start, end)
        except MetricsUnavailable:
            return samples
        if samples.restarts or found.restarts or samples.newest is None:
            return samples  # counters of two containers: each source has put them together in its own way
        merged = samples.merged(found)
        if not resets(merged.cpu_seconds):
            return merged
        # A Prometheus that stamps samples with the time of its scrape has old values at later times: not to be mixed.
        return samples.merged(found.within(math.nextafter(samples.newest, math.inf), end))

    async def close(self) -> None:
        """Close both."""
        if self._prometheus:
            await self._prometheus.close()
        await self._kubelet.close()

    async def _ask_prometheus(
        self, container: ContainerRef, start: float, end: float
    ) -> tuple[ContainerSamples | None, str]:
        """Return Prometheus' samples and why they are taken, or None and why they will not do."""
        if self._prometheus is None:
            return None, "no Prometheus is configured"
        if self._silent and self._clock() < self._silent[0]:
            return None, self._silent[1]
        try:
            samples = await self._prometheus.samples(container, min(start, end - FRESH_SECONDS), end)
        except MetricsUnavailable as error:
            self._silent = self._clock() + PAUSE_SECONDS, str(error)
            return None, str(error)
        newest = samples.newest
        if newest is None:
            return None, f"Prometheus has no samples of {container}"
        if end - newest > FRESH_SECONDS:
            return None, f"Prometheus' newest sample of {container} is {end - newest:.0f} s old"
        apart = [after.time - before.time for before, after in pairwise(samples.cpu_seconds)]
        if not apart:
            return None, f"Prometheus has only one sample of {container} so far"
        if median(apart) > COARSEST_SECONDS:
            return None, f"Prometheus has a sample of {container} only every {median(apart):.0f} s"
        return samples.within(start, end), f"Prometheus has a sample of {container} every {median(apart):.0f} s"
