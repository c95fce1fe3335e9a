"""The seam between who needs samples and where they come from."""

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
        Its names.
    pod_uid
        The pod's uid: a pod of the same name that was there before is another one. Empty: not checked.
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
    """Something that has samples of containers."""

    @property
    def name(self) -> str:
        """What to call it: Prometheus, Kubelet, Auto."""
        ...

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return what is known of `container` from `start` to `end` (seconds since the epoch).

        Ask again every few seconds while a trial is active: a source may only ever see the latest sample, and
        collects them by being asked. No samples are no error: the answer is then empty.

        Raises
        ------
        MetricsUnavailable
            The source did not answer, or not in time, or refused; one sentence says which.
        """
        ...

    async def close(self) -> None:
        """Give back connections; the source cannot be asked afterwards."""
        ...
