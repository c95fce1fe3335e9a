"""Counts how often a metrics source gave no usable answer."""

from __future__ import annotations

from collections import Counter

from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.series import ContainerSamples
from modelprofiler.metrics.source import ContainerRef, MetricsSource


class Counted:
    """A source whose failures are counted.

    Parameters
    ----------
    source
        The source that is asked.
    errors
        Gets one more for each failure, under the name of the source.
    """

    def __init__(self, source: MetricsSource, errors: Counter[str]) -> None:
        self._source = source
        self._errors = errors

    @property
    def name(self) -> str:
        """Name of the source."""
        return self._source.name

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return the samples of the source; see `MetricsSource.samples`."""
        try:
            return await self._source.samples(container, start, end)
        except MetricsUnavailable:
            self._errors[self.name] += 1
            raise

    async def close(self) -> None:
        """Close the source."""
        await self._source.close()
