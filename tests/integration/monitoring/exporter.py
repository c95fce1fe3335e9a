"""Serves what a kubelet and others expose of a server under load, on a clock that runs twenty times as fast.

Its times are therefore up to five minutes ahead; Prometheus takes what is up to ten, and passes on nothing that is from
before its start.

The text is that of a real cAdvisor (`cadvisor.txt`: the rows of the whole node, as version 0.53 wrote them), with the
rows of a container made of the node's and the values of a server that is known to the last digit. Each job of a scraper
asks for a pod of its own, by the parameter `pod`, so that one Prometheus can have all configurations at once.
"""

from __future__ import annotations

import math
import random
import re
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit
from uuid import NAMESPACE_DNS, uuid5

from modelprofiler.core.windows import LoadWindows, Window, windows_from
from modelprofiler.metrics.source import ContainerRef

SPEED = 20.0
QUIET, LOAD, AFTER = 75.0, 90.0, 165.0
"""Seconds of the fast clock before, in and after the load: long enough after it for a scrape each minute, twice."""
RATE, COST = 50.0, 0.008
IDLE_MIB, LOADED_MIB = 100, 187
TEXT = (Path(__file__).parent / "cadvisor.txt").read_text(encoding="utf-8")
_ROW = re.compile(r"(\w+)\{(.*)\} (\S+)( \d+)?")
_NAMES = ("container", "id", "image", "name", "namespace", "pod")


def ref(pod: str) -> ContainerRef:
    """Return the container whose samples the jobs for this pod have."""
    return ContainerRef("team", pod, "server", pod_uid=str(uuid5(NAMESPACE_DNS, pod)), node="node1")


@dataclass
class Node:
    """A node with its clock, and the times at which its cAdvisor takes a sample.

    Attributes
    ----------
    begun
        When its clock began to run, by the real one; there are no metrics before.
    """

    begun: float = math.inf
    url: str = ""

    def __post_init__(self) -> None:
        """Choose when cAdvisor comes by: every 10 to 20 s, as it does under load."""
        chance = random.Random(20261201)
        times = [3.0]
        while times[-1] < QUIET + LOAD + AFTER:
            times.append(times[-1] + chance.uniform(11.0, 16.0))
        self.times = [round(at, 3) for at in times]
        self.texts: dict[tuple[str, str, float], str] = {}

    def begin(self) -> None:
        """Start the clock."""
        self.begun = time.time()

    @property
    def seconds(self) -> float:
        """Real seconds from the beginning to the end."""
        return (QUIET + LOAD + AFTER) / SPEED

    def load(self) -> LoadWindows:
        """Return when the load ran, by the fast clock, which is that of the samples' own times."""
        start = self.begun + QUIET

        def completed(since: float, until: float) -> float:
            return RATE * max(0.0, min(until, start + LOAD) - max(since, start))

        window = Window(self.begun, self.begun + QUIET + LOAD + AFTER)
        return windows_from(Window(start + 5, start + LOAD), completed, start, start + LOAD, window)

    def load_in_real_time(self) -> LoadWindows:
        """Return the same by the real clock, which is that of the scrapes: as many requests in a shorter time."""
        start, seconds = self.begun + QUIET / SPEED, LOAD / SPEED

        def completed(since: float, until: float) -> float:
            return SPEED * RATE * max(0.0, min(until, start + seconds) - max(since, start))

        window = Window(self.begun, self.begun + self.seconds)
        return windows_from(Window(start + 5 / SPEED, start + seconds), completed, start, start + seconds, window)

    def text(self, path: str, pod: str) -> str:
        """Return what is exposed at this moment."""
        if self.begun == math.inf:
            return "\n"
        elapsed = min((time.time() - self.begun) * SPEED, QUIET + LOAD + AFTER)
        at = self.times[max(0, bisect_right(self.times, elapsed) - 1)]
        if (path, pod, at) not in self.texts:  # threads may do the same work twice, once
            self.texts[path, pod, at] = self._text_at(at, path, pod)
        return self.texts[path, pod, at]

    def _text_at(self, at: float, path: str, pod: str) -> str:
        under_load = min(max(0.0, at - QUIET), LOAD)
        requests = RATE * under_load
        values = {
            "container_cpu_usage_seconds_total": 5.0 + 0.002 * at + COST * requests,
            "container_memory_working_set_bytes": (LOADED_MIB if 0 < under_load < LOAD else IDLE_MIB) * 2**20,
            "container_memory_rss": 90 * 2**20,
            "container_memory_mapped_file": 4 * 2**20,
            "container_memory_max_usage_bytes": 260 * 2**20,
            "container_cpu_cfs_periods_total": 10 * under_load,
            "container_cpu_cfs_throttled_periods_total": under_load,
            "container_threads": 9,
            "container_oom_events_total": 0,
            "container_start_time_seconds": round(self.begun),
        }
        stamp = round((self.begun + at) * 1000)
        match path:
            case "/metrics/cadvisor":
                return _exposition(values, stamp, _kubelet_labels(pod))
            case "/metrics/resource":
                return _resource(values, stamp, pod)
            case "/metrics":
                return _exposition(values, stamp, _alone_labels(pod), cpus=4)
            case _:
                return _opentelemetry(values, pod)


def _kubelet_labels(pod: str) -> dict[str, str]:
    return {
        "container": "server",
        "id": f"/kubepods.slice/kubepods-pod{ref(pod).pod_uid.replace('-', '_')}.slice/cri-{'a1' * 32}.scope",
        "image": "registry.example/models/digits:1",
        "name": "a1" * 32,
        "namespace": "team",
        "pod": pod,
    }


def _alone_labels(pod: str) -> dict[str, str]:
    """Return the labels of a cAdvisor that runs as a DaemonSet: it knows a pod only by the container's own labels."""
    kubernetes = {"container_name": "server", "pod_name": pod, "pod_namespace": "team", "pod_uid": ref(pod).pod_uid}
    return {
        **{f"container_label_io_kubernetes_{name}": value for name, value in kubernetes.items()},
        "id": f"/kubepods/burstable/pod{ref(pod).pod_uid}/{'a1' * 32}",
        "image": "registry.example/models/digits:1",
        "name": f"k8s_server_{pod}_team_{ref(pod).pod_uid}_0",
    }


def _exposition(values: Mapping[str, float], stamp: int, labels: Mapping[str, str], cpus: int = 0) -> str:
    """Return cAdvisor's text for the node and the container, and for the pod's own control group."""
    lines = []
    for line in TEXT.splitlines():
        row = _ROW.fullmatch(line)
        if row is None:
            lines.append(line)
            continue
        name, rest, value, stamped = row.groups()
        own = {key: text for key, text in re.findall(r'(\w+)="([^"]*)"', rest) if key not in _NAMES}
        after = f" {stamp}" if stamped else ""
        lines.append(f"{name}{_braces({**own, 'id': '/'})} {value}{after}")
        used = values.get(name, float(value))
        of_pod = {**dict.fromkeys(labels, ""), "id": labels["id"].rpartition("/")[0], **own}
        of_pod |= {label: labels[label] for label in ("namespace", "pod") if label in labels}
        lines.append(f"{name}{_braces(of_pod)} {1.1 * used!r}{after}")
        if name == "container_cpu_usage_seconds_total" and cpus:
            parts = [{**labels, "cpu": f"cpu{n:02d}"} for n in range(cpus)]
            lines += [f"{name}{_braces(part)} {used / cpus!r}{after}" for part in parts]
        else:
            lines.append(f"{name}{_braces({**labels, **own})} {used!r}{after}")
    return "\n".join(lines) + "\n"


def _resource(values: Mapping[str, float], stamp: int, pod: str) -> str:
    """Return a kubelet's /metrics/resource, whose metrics have the names of cAdvisor's."""
    labels = _braces({"container": "server", "namespace": "team", "pod": pod})
    names = ("container_cpu_usage_seconds_total", "container_memory_working_set_bytes")
    rows = [f"{name}{labels} {values[name]!r} {stamp}" for name in names]
    return "\n".join([*rows, f"container_start_time_seconds{labels} {values['container_start_time_seconds']!r}", ""])


def _opentelemetry(values: Mapping[str, float], pod: str) -> str:
    """Return what OpenTelemetry's Prometheus exporter makes of the kubeletstats receiver, without times."""
    labels = _braces({"k8s_namespace_name": "team", "k8s_pod_name": pod, "k8s_container_name": "server"})
    return (
        f"container_cpu_time_seconds_total{labels} {values['container_cpu_usage_seconds_total']!r}\n"
        f"container_memory_rss_bytes{labels} {values['container_memory_rss']!r}\n"
    )


def _braces(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{labels[name]}"' for name in sorted(labels)) + "}"


@contextmanager
def serving() -> Iterator[Node]:
    """Serve a node on loopback."""
    node = Node()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = node.text(parts.path, parse_qs(parts.query).get("pod", ["none"])[0]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.1,))
    thread.start()
    node.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
