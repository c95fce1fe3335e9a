"""The nodes that servers are measured on, and the control group of a container, read on its node."""

from __future__ import annotations

import contextlib
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


def on(node: str, *command: str) -> str:
    """Run a command on a node of the local cluster, and return its output."""
    arguments = [str(LOCALCLUSTER), "on", node, *command]
    return subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=120).stdout


class Group:
    """A container's control group, read by `reader` on its node until it is gone.

    Parameters
    ----------
    ahead
        Seconds by which the node's clock is ahead of this one; samples have the times of this one.
    """

    def __init__(self, node: str, container_id: str, port: int, *, ahead: float = 0.0) -> None:
        self._ahead = ahead
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
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_SECONDS)
            self._rows, errors = self._end()
            if not self._rows:
                raise SystemExit(f"the control group could not be read: {errors}")
        return self._rows

    def close(self) -> None:
        """Read no more; without effect after `rows`."""
        if self._rows is None:
            self._rows, _ = self._end()

    def _end(self) -> tuple[list[dict[str, float | None]], str]:
        """End the reader, and return what it has read, and its complaint."""
        self._process.kill()
        self._process.wait()
        with self._output, self._errors:
            self._output.seek(0)
            self._errors.seek(0)
            # Where it was killed, its last line may be a part of one.
            lines = [line for line in self._output.read().splitlines(keepends=True) if line.endswith("\n")]
            return [_row(line) for line in lines], self._errors.read().strip()

    def last(self, column: str) -> float | None:
        """Return what the last reading says."""
        return self.rows()[-1][column]

    def samples(self) -> ContainerSamples:
        """Return the readings as samples."""
        rows = self.rows()

        def series(column: str) -> Series:
            return tuple(
                Sample((row["time"] or 0.0) - self._ahead, value) for row in rows if (value := row[column]) is not None
            )

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
