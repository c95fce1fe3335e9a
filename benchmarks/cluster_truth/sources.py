"""Every source of usage, opened as the operator opens them, with the operator's own permission."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from benchmarks.cluster_truth.nodes import Node
from tests.e2e.support import SYSTEM_NAMESPACE, Run

from modelprofiler.cluster.gather.kubelets import KUBELET_PORT
from modelprofiler.metrics.auto import AutoSource
from modelprofiler.metrics.bounded import read_token
from modelprofiler.metrics.kubelet import KubeletSource
from modelprofiler.metrics.prometheus import PrometheusSource
from modelprofiler.metrics.source import MetricsSource

KUBELET, QUICK, SLOW, AUTO = "kubelet", "Prometheus, 15 s", "Prometheus, 30 s", "Auto, 30 s"
KUBELET_ACCOUNT = "modelprofiler-kubelet"
"""The chart's account that may read metrics of nodes and nothing else."""
NAMES = (KUBELET, QUICK, SLOW, AUTO)


def token(kubectl: Run, path: Path) -> Path:
    """Write a token of the account that reads kubelets into a file of one's own, and return the path."""
    path.touch(mode=0o600)
    path.write_text(kubectl("create", "token", KUBELET_ACCOUNT, "--namespace", SYSTEM_NAMESPACE).stdout)
    return path


def kubelet_urls(nodes: Sequence[Node]) -> dict[str, str]:
    """Return the address of each node's kubelet."""
    return {node.name: f"https://{node.address}:{KUBELET_PORT}" for node in nodes}


@contextlib.asynccontextmanager
async def opened(
    kubelets: Mapping[str, str], token_file: Path, ca_file: Path, prometheuses: Sequence[str]
) -> AsyncIterator[dict[str, MetricsSource]]:
    """Open them, by the names in `NAMES`.

    Parameters
    ----------
    kubelets
        URL of each node's kubelet.
    token_file, ca_file
        To log in to it, and the CA of its certificate.
    prometheuses
        URLs of the quick one and of the slow one.
    """

    async def address(node: str) -> str:
        return kubelets[node]

    kubelet = KubeletSource(address, token=read_token(token_file), ca_file=ca_file)
    quick, slow = (PrometheusSource(url) for url in prometheuses)
    try:
        yield dict(zip(NAMES, (kubelet, quick, slow, AutoSource(slow, kubelet)), strict=True))
    finally:
        for source in (kubelet, quick, slow):
            await source.close()
