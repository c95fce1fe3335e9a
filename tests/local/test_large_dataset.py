"""A dataset of 1 GiB goes from a file and from a bucket to a server, and is in no memory on the way."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.integration.files.stores import running
from tests.ports import unused_port

from modelprofiler.files.inspect import PrepareResult
from modelprofiler.host.cgroup import Cgroup, open_cgroup
from modelprofiler.load.result import LoadResult

pytestmark = [pytest.mark.whole_run, pytest.mark.timeout(1200), pytest.mark.usefixtures("control_groups")]

GIB = 2**30
ROW_BYTES = 1024
LIMIT = 256 * 2**20
"""Bytes that a load pod and a prepare pod may have: the value of the chart."""
MOST = 200 * 2**20
"""Bytes that a process may hold, and all processes of a pod without the page cache, which the kernel takes back."""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Write 1 GiB of rows, each of which is another one."""
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    padding = "x" * (ROW_BYTES - len('{"n": "00000000", "text": ""}\n'))
    with path.open("w") as file:
        for number in range(GIB // ROW_BYTES):
            file.write(f'{{"n": "{number:08d}", "text": "{padding}"}}\n')
    assert GIB == path.stat().st_size
    yield path
    path.unlink()


@pytest.fixture
def server() -> Iterator[int]:
    """Return the port of a server that answers everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        serving.daemon_threads = True
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield serving.server_port
        serving.shutdown()


def peaks_of(command: list[str], seconds: float) -> tuple[int, int]:
    """Run a command with the memory of a pod.

    Returns
    -------
    tuple
        The most that one of its processes had in memory at a time (VmHWM), and that all had without the page cache.
    """
    group: Cgroup = open_cgroup("large-dataset")
    try:
        group.set_memory(LIMIT)
        joined = " ".join(f"echo $$ >{directory}/cgroup.procs;" for directory in group.directories)
        path = os.pathsep.join(sys.path)
        with subprocess.Popen(
            ["sh", "-c", f'{joined} exec "$@"', "sh", *command], env={**os.environ, "PYTHONPATH": path}
        ) as process:
            deadline, process_peak, group_peak = time.monotonic() + seconds, 0, 0
            while process.poll() is None:
                assert time.monotonic() < deadline, "it takes too long"
                group_peak = max(group_peak, group.read().anonymous or 0)
                process_peak = max([process_peak, *map(high_water, processes(group))])
                time.sleep(0.02)
        assert process.returncode == 0
        assert not group.read().oom_kills
        return process_peak, group_peak
    finally:
        assert group.kill()
        assert group.remove()


def processes(group: Cgroup) -> list[str]:
    """Return the ids of the processes in a group."""
    return (group.directories[0] / "cgroup.procs").read_text().split()


def high_water(process: str) -> int:
    """Return the most that a process has had in memory, in bytes; 0 once it has ended."""
    try:
        match = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0
    return int(match[1]) * 1024 if match else 0


def replay(dataset: Path, port: int, tmp_path: Path) -> tuple[LoadResult, tuple[int, int]]:
    """Send the rows of a dataset for some seconds as the load pod does."""
    config, result = tmp_path / "load.json", tmp_path / "load-result"
    config.write_text(
        json.dumps(
            {
                "host": "127.0.0.1",
                "port": port,
                "endpoint": {"path": "/score", "contentType": "application/json"},
                "dataset": {"path": str(dataset), "format": "JSONLines"},
                "load": {"openLoop": {"rate": "100"}, "warmup": "1s", "duration": "10s"},
            }
        )
    )
    command = [sys.executable, "-m", "modelprofiler.load", "--config", str(config), "--result", str(result)]
    peaks = peaks_of(command, 300)
    return LoadResult.decode(result.read_text()), peaks


def assert_replayed(loaded: LoadResult, peaks: tuple[int, int]) -> None:
    """Many rows were sent, each another one, and memory stayed small."""
    assert loaded.status is not None, loaded.message
    assert loaded.status.rows_covered > 500
    assert max(peaks) < MOST, peaks


def test_from_a_file(rows: Path, server: int, tmp_path: Path) -> None:
    """As it is on a claim, or on this machine."""
    loaded, peaks = replay(rows, server, tmp_path)
    print(f"replayed from a file: {peaks[0]:,} bytes in a process, {peaks[1]:,} in all without the page cache")
    assert_replayed(loaded, peaks)


def test_from_a_bucket(rows: Path, server: int, tmp_path: Path) -> None:
    """The prepare Job downloads, checks and digests it; then the load pod downloads it again and replays it."""
    import boto3  # type: ignore[import-untyped]

    port = unused_port()
    keys = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    secret = tmp_path / "secret"
    secret.mkdir()
    for key, value in {**keys, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        (secret / key).write_text(value)
    moto = str(Path(sys.executable).with_name("moto_server"))
    with running([moto, "--host", "127.0.0.1", "--port", str(port)], port, tmp_path):
        client = boto3.client(
            "s3", endpoint_url=keys["AWS_ENDPOINT_URL"], region_name="us-east-1",
            aws_access_key_id="a", aws_secret_access_key="b",
        )  # fmt: skip
        client.create_bucket(Bucket="data")
        client.upload_file(str(rows), "data", "rows.jsonl")
        client.close()
        prepared, first = prepare(secret, tmp_path)
        place = tmp_path / "fetched"
        fetch = ["-m", "modelprofiler", "fetch", "s3://data/rows.jsonl", "--to", str(place)]
        second = peaks_of([sys.executable, *fetch, "--credentials", str(secret)], 600)
    loaded, third = replay(place / "rows.jsonl", server, tmp_path)
    (place / "rows.jsonl").unlink()
    print(f"prepared, downloaded and replayed from a bucket: {first}, {second}, {third}")
    assert prepared.dataset is not None, prepared.problems
    assert GIB // ROW_BYTES == prepared.dataset.rows
    assert loaded.dataset_digest == prepared.dataset.digest
    assert_replayed(loaded, third)
    assert max(*first, *second) < MOST, (first, second)


def prepare(secret: Path, tmp_path: Path) -> tuple[PrepareResult, tuple[int, int]]:
    """Read the dataset as the prepare Job does."""
    config, result = tmp_path / "prepare.json", tmp_path / "prepare-result"
    source = {
        "part": "dataset", "path": "spec.dataset.source.uri", "holder": "s3://data/rows.jsonl",
        "root": str(tmp_path / "prepared"), "uri": "s3://data/rows.jsonl", "credentials": str(secret),
    }  # fmt: skip
    config.write_text(json.dumps({"sources": [source], "rows": {"format": "JSONLines"}}))
    command = [sys.executable, "-m", "modelprofiler", "prepare", "--config", str(config), "--result", str(result)]
    peaks = peaks_of(command, 600)
    (tmp_path / "prepared" / "rows.jsonl").unlink()
    return PrepareResult.decode(result.read_text()), peaks
