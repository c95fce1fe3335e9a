"""The interface between the code that needs samples and the sources that have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from modelprofiler.metrics.series import ContainerSamples


@dataclass(frozen=True, slots=True)
class ContainerRef:
    """One container of one pod.

    Attributes
    ----------
    namespace, pod, container
        Namespace, name of the pod, and name of the container.
    pod_uid
        The pod's uid, which tells it from an earlier pod of the same name; not checked when empty.
    node
        Name of the node it runs on.
    """

    namespace: str
    pod: str
    container: str
    pod_uid: str = ""
    node: str = ""

    def __str__(self) -> str:
        return f"container {self.container} of pod {self.namespace}/{self.pod}"


class MetricsSource(Protocol):
    """A source of samples of containers."""

    @property
    def name(self) -> str:
        """Its name: Prometheus, Kubelet or Auto."""
        ...

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return the samples of `container` from `start` to `end` (seconds since the epoch).

        Must be called every few seconds while a trial is active: a source may see only the latest sample, and collect
        samples at each call. No samples are no error; the result is then empty.

        Raises
        ------
        MetricsUnavailable
            The source did not answer in time, or refused; its message is one sentence that says which.
        """
        ...

    async def close(self) -> None:
        """Close its connections; the source cannot be used afterwards."""
        ...
