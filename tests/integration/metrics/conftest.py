"""A small exporter that speaks as the kubelet does, and the real Prometheus to scrape it, both on loopback."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from modelprofiler.metrics.source import ContainerRef

UID = "0e3f2d3c-1111-2222-3333-444455556666"
REF = ContainerRef("team", "digits-1", "server", pod_uid=UID, node="node1")


@dataclass
class Kubelet:
    """Serves an exposition as the kubelet's /metrics/cadvisor does, and records how it was asked.

    Attributes
    ----------
    stamp, cpu
        The latest sample: its time (seconds since the epoch) and the CPU counter.
    """

    stamp: float = field(default_factory=time.time)
    cpu: float = 10.0
    token: str = "let-me-in"
    url: str = ""
    status: int = 200
    requests: list[web.Request] = field(default_factory=list)

    def text(self, other_pods: int = 30) -> str:
        """Return the exposition: the container, the same container of other pods, and the pod's own cgroup."""
        lines = ["# HELP container_cpu_usage_seconds_total Cumulative cpu time consumed in seconds."]
        for pod, uid in [
            ("digits-1", UID),
            *((f"other-{n}", f"{n:08d}-1111-2222-3333-444455556666") for n in range(other_pods)),
        ]:
            for container in ("server", ""):
                labels = (
                    f'container="{container}",id="/kubepods/burstable/pod{uid}/{container or "."}",'
                    f'image="registry.example/server:1",name="abc{container}",namespace="team",pod="{pod}"'
                )
                lines += self._lines(labels)
        return "\n".join(lines) + "\n"

    def _lines(self, labels: str) -> list[str]:
        stamp = round(self.stamp * 1000)
        values = {
            "container_cpu_cfs_periods_total": 100,
            "container_cpu_cfs_throttled_periods_total": 7,
            "container_fs_usage_bytes": 4096,
            "container_memory_cache": 2e7,
            "container_memory_max_usage_bytes": 2.6e8,
            "container_memory_rss": 1.5e8,
            "container_memory_working_set_bytes": 1.96083712e8,
            "container_oom_events_total": 0,
            "container_threads": 9,
        }
        return [
            f'container_cpu_usage_seconds_total{{cpu="total",{labels}}} {self.cpu} {stamp}',
            *(f"{name}{{{labels}}} {value} {stamp}" for name, value in values.items()),
            f"container_start_time_seconds{{{labels}}} 1.7e+09",
        ]

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one scrape."""
        self.requests.append(request)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401, text="Unauthorized")
        return web.Response(status=self.status, text=self.text(), content_type="text/plain")


@pytest.fixture
async def kubelet() -> AsyncIterator[Kubelet]:
    """Return a running server of a kubelet's exposition."""
    served = Kubelet()
    app = web.Application()
    app.router.add_get("/metrics/cadvisor", served.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()


@pytest.fixture
async def silent_url() -> AsyncIterator[str]:
    """Return the URL of a server that takes the connection and stays silent."""
    ended: list[asyncio.Event] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = asyncio.Event()
        ended.append(end)
        await reader.read(-1)  # until the client gives up
        writer.close()
        end.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
        async with asyncio.timeout(10):  # the client has closed its end, which every handler must have seen
            for end in ended:
                await end.wait()


StartPrometheus = Callable[[str, str], AbstractContextManager[str]]


@pytest.fixture
def start_prometheus(tmp_path: Path) -> StartPrometheus:
    """Return a function that runs the real Prometheus, by its configuration and web settings, and gives its URL."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("the prometheus binary is not installed (Debian: apt install prometheus)")

    @contextmanager
    def start(config: str, web_config: str = "") -> Iterator[str]:
        (tmp_path / "prometheus.yml").write_text(config)
        (tmp_path / "web.yml").write_text(web_config)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        with (tmp_path / "prometheus.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    binary,
                    f"--config.file={tmp_path / 'prometheus.yml'}",
                    f"--web.config.file={tmp_path / 'web.yml'}",
                    f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                    f"--web.listen-address={address}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=tmp_path,
                env={**os.environ, "GOMAXPROCS": "1"},
            )
        try:
            _wait_until_listening(address, process, tmp_path / "prometheus.log")
            yield f"http://{address}"
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=5)

    return start


def _wait_until_listening(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when Prometheus is ready; fail with its log when it is not within 30 s."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://{address}/-/ready", timeout=2):
                return
        except urllib.error.HTTPError as error:
            if error.code == 401:  # it wants a password, so it is up
                return
        except OSError:
            pass
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"Prometheus did not start: {log.read_text()[-2000:]}")
