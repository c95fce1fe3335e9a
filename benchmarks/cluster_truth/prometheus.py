"""A second Prometheus in addition to the cluster's, which scrapes the same kubelet half as often; queries of both."""

from __future__ import annotations

import contextlib
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import requests

PORT = 9091
READY_SECONDS = 30.0


@contextlib.contextmanager
def slower(state: Path, url: str, seconds: int, directory: Path) -> Iterator[str]:
    """Run a Prometheus with the configuration of the cluster's but for the interval, and return its URL.

    Parameters
    ----------
    state
        Where the local cluster keeps its files.
    url
        The cluster's own Prometheus.
    directory
        Where it may write.
    """
    config = directory / "prometheus.yaml"
    text = (state / "prometheus.yaml").read_text()
    changed = text.replace("scrape_interval: 15s", f"scrape_interval: {seconds}s")
    if changed == text:
        raise SystemExit(f"{state / 'prometheus.yaml'} has no scrape_interval of 15s to be changed")
    config.write_text(changed)
    parts = urlsplit(url)
    address = f"{parts.hostname}:{PORT}"
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}"]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address={address}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        own_url = urlunsplit(parts._replace(netloc=address))
        _wait_until_ready(own_url, process, directory / "prometheus.log")
        yield own_url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/-/ready", timeout=1) as response:
            if response.status == 200:
                return
        time.sleep(0.2)
    raise SystemExit(f"the second Prometheus does not start: {log.read_text()[-500:]}")


def rates(url: str, pod: str, container: str, span: str, start: float, end: float, step: int = 5) -> list[float]:
    """Return ``rate(container_cpu_usage_seconds_total[span])`` of a container, evaluated every `step` seconds."""
    query = f'rate(container_cpu_usage_seconds_total{{pod="{pod}",container="{container}"}}[{span}])'
    return _range(url, query, start, end, step)


def working_sets(url: str, pod: str, container: str, start: float, end: float, step: int = 5) -> list[float]:
    """Return the working set of a container in bytes, every `step` seconds."""
    query = f'container_memory_working_set_bytes{{pod="{pod}",container="{container}"}}'
    return _range(url, query, start, end, step)


def _range(url: str, query: str, start: float, end: float, step: int) -> list[float]:
    params: dict[str, str] = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": str(step)}
    answer = requests.get(f"{url}/api/v1/query_range", params=params, timeout=10)
    answer.raise_for_status()
    return [float(value) for series in answer.json()["data"]["result"] for _, value in series["values"]]
