"""The servers of metrics that clusters have, run as real processes on loopback, each by what its chart configures."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
START_SECONDS = 60.0
"""Until a server answers, on a machine that does other things."""

Job = dict[str, Any]


@cache
def _installed() -> Mapping[str, str]:
    command = [str(REPOSITORY / "hack/monitoring/install"), "--installed"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    return dict(line.split(" ", 1) for line in listed.splitlines())


def program(name: str) -> str:
    """Return the path of a program; the tests are skipped where it is not installed."""
    if name == "debian's prometheus":
        if path := shutil.which("prometheus"):
            return path
        pytest.skip("the prometheus binary is not installed (Debian: apt install prometheus)")
    if name not in _installed():
        pytest.skip(f"{name} is not installed here; `hack/monitoring/install` installs it")
    return _installed()[name]


def chart(name: str) -> Job:
    """Return what the chart of this name configures."""
    return dict(yaml.safe_load((HERE / "charts" / f"{name}.yaml").read_text(encoding="utf-8")))


def relabelings(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rules of a ServiceMonitor in the words of Prometheus, as the Prometheus operator writes them."""
    return [{re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), key): value for key, value in r.items()} for r in rules]


def free_port() -> int:
    """Return a port on loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(name: str, folder: Path, options: Sequence[str], port: int, ready: str) -> Iterator[str]:
    """Run a program until its path `ready` answers, and give its URL; end it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program(name), *options],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "GOMAXPROCS": "1"},
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url + ready):
            assert process.poll() is None, log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-2000:]
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return error.code in {400, 401}
    except OSError:
        return False


def prometheus(name: str, folder: Path, jobs: Sequence[Job], **more: Any) -> Any:
    """Run Prometheus with these jobs: `prometheus` is version 3, `debian's prometheus` version 2."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": list(jobs), **more}))
    port = free_port()
    options = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    return running(name, folder, options, port, "/-/ready")


def victoriametrics(folder: Path, jobs: Sequence[Job] = (), *options: str) -> Any:
    """Run VictoriaMetrics on a single node, scraping these jobs itself."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scrape.yml").write_text(yaml.safe_dump({"scrape_configs": list(jobs)}))
    port = free_port()
    everything = [
        f"-promscrape.config={folder / 'scrape.yml'}",
        f"-storageDataPath={folder / 'data'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-memory.allowedBytes=64MiB",
        *options,
    ]
    return running("victoria-metrics", folder, everything, port, "/health")


def vmauth(folder: Path, config: Mapping[str, Any]) -> Any:
    """Run VictoriaMetrics' proxy, which lets users in and knows tenants."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "auth.yml").write_text(yaml.safe_dump(dict(config)))
    port = free_port()
    options = [f"-auth.config={folder / 'auth.yml'}", f"-httpListenAddr=127.0.0.1:{port}"]
    return running("vmauth", folder, options, port, "/health")
