"""The nodes that servers are measured on, and the control group of a container, read on its node."""

from __future__ import annotations

import copy
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cluster_truth import reader
from tests.e2e.support import Object, Run

from modelprofiler.metrics.series import ContainerSamples, Sample, Series

LOCALCLUSTER = Path(__file__).resolve().parents[2] / "hack" / "localcluster" / "localcluster"
USER_MODE = "localcluster/kernel"
"""Label and taint of a node whose kernel runs in user mode (hack/localcluster/lib/node.sh)."""
END_SECONDS = 45.0
"""A server that lingers is gone by then, and its group with it."""


@dataclass(frozen=True)
class Node:
    """A node of the cluster.

    Attributes
    ----------
    user_mode
        Whether its kernel runs in user mode: its CPU time is compared with its own counters only.
    """

    name: str
    address: str
    kernel: str
    user_mode: bool

    def pinned(self, template: Object) -> Object:
        """Return a pod template whose pods run here."""
        template = copy.deepcopy(template)
        template["spec"]["nodeSelector"] = {"kubernetes.io/hostname": self.name}
        template["spec"]["tolerations"] = [{"key": USER_MODE, "operator": "Exists"}]
        return template


def nodes(kubectl: Run) -> list[Node]:
    """Return the cluster's nodes, by name."""
    listed = []
    for item in json.loads(kubectl("get", "nodes", "-o", "json").stdout)["items"]:
        status, meta = item["status"], item["metadata"]
        address = next(a["address"] for a in status["addresses"] if a["type"] == "InternalIP")
        listed.append(Node(meta["name"], address, status["nodeInfo"]["kernelVersion"], USER_MODE in meta["labels"]))
    return sorted(listed, key=lambda node: node.name)


class Group:
    """A container's control group, read by `reader` on its node until it is gone."""

    def __init__(self, node: str, container_id: str, port: int) -> None:
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process that reads
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        script = Path(reader.__file__).read_text()
        self._process = subprocess.Popen(
            [str(LOCALCLUSTER), "on", node, "python3", "-c", script, container_id, str(port)],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._errors,
        )
        self._rows: list[dict[str, float | None]] | None = None

    def rows(self) -> list[dict[str, float | None]]:
        """Return the readings, after waiting until the group is gone."""
        if self._rows is None:
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._output.seek(0)
            self._rows = [_row(line) for line in self._output.read().splitlines()]
            if not self._rows:
                self._errors.seek(0)
                raise SystemExit(f"the control group could not be read: {self._errors.read().strip()}")
        return self._rows

    def last(self, column: str) -> float | None:
        """Return what the last reading says."""
        return self.rows()[-1][column]

    def samples(self) -> ContainerSamples:
        """Return the readings as samples."""
        rows = self.rows()

        def series(column: str) -> Series:
            return tuple(Sample(row["time"] or 0.0, value) for row in rows if (value := row[column]) is not None)

        return ContainerSamples(
            cpu_seconds=series("cpu_seconds"),
            working_set_bytes=series("working_set_bytes"),
            max_usage_bytes=series("max_usage_bytes"),
            rss_bytes=series("rss_bytes"),
            cache_bytes=series("cache_bytes"),
            cfs_periods=series("cfs_periods"),
            cfs_throttled_periods=series("cfs_throttled_periods"),
            threads=series("threads"),
            oom_events=series("oom_events"),
            source="Cgroup",
        )


def _row(line: str) -> dict[str, float | None]:
    values = (None if word == "-" else float(word) for word in line.split())
    return dict(zip(reader.COLUMNS.split(), values, strict=True))
