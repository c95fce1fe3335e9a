"""What is reported of a control group is what its own files say at that time, in either version of control groups."""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.cluster_truth import reader
from tests.integration.host.support import Serve, wait_until

from modelprofiler.host.cgroup import Cgroup
from modelprofiler.host.control_group import Reading
from modelprofiler.host.sampler import Sampler
from modelprofiler.metrics.series import ContainerSamples, Series

MIB = 2**20
BUSY_SECONDS = 2.0
"""Long enough for some periods with throttling."""
LEVELS = 0.02
"""How far a level may be from the file's, which is read a moment earlier and later: the bound for memory."""

READER = Path(reader.__file__).read_text()

Raw = dict[str, float]


def numbers(file: Path) -> dict[str, int]:
    """Return the numbers of a file with a key and a number in each line."""
    return {key: int(value) for key, value in (line.split() for line in file.read_text().splitlines())}


def read_v1(cgroup: Cgroup) -> Raw:
    """Read the files of version 1."""
    at = {directory.parent.name.split(",")[0]: directory for directory in cgroup.directories}
    cpu, memory = at["cpu"], at["memory"]
    cpuacct = at.get("cpuacct", cpu)
    stat, memory_stat = numbers(cpu / "cpu.stat"), numbers(memory / "memory.stat")
    return {
        "cpu_seconds": int((cpuacct / "cpuacct.usage").read_text()) / 1e9,
        "cfs_periods": stat["nr_periods"],
        "cfs_throttled_periods": stat["nr_throttled"],
        "working_set_bytes": int((memory / "memory.usage_in_bytes").read_text()) - memory_stat["total_inactive_file"],
        "rss_bytes": memory_stat["total_rss"],
        "cache_bytes": memory_stat["total_cache"],
        "threads": len((cpuacct / "tasks").read_text().split()),
        "oom_events": numbers(memory / "memory.oom_control")["oom_kill"],
    }


def read_v2(cgroup: Cgroup) -> Raw:
    """Read the files of version 2."""
    directory = cgroup.join_files[0].parent
    stat, memory_stat = numbers(directory / "cpu.stat"), numbers(directory / "memory.stat")
    return {
        "cpu_seconds": stat["usage_usec"] / 1e6,
        "cfs_periods": stat["nr_periods"],
        "cfs_throttled_periods": stat["nr_throttled"],
        "working_set_bytes": int((directory / "memory.current").read_text()) - memory_stat["inactive_file"],
        "rss_bytes": memory_stat["anon"],
        "cache_bytes": memory_stat["file"],
        "max_usage_bytes": int((directory / "memory.peak").read_text()),
        "threads": len((directory / "cgroup.threads").read_text().split()),
        "oom_events": numbers(directory / "memory.events")["oom_kill"],
    }


@pytest.fixture
def raw(cgroup: Cgroup) -> Callable[[], Raw]:
    """Return a function that reads the group's files without the code under test."""
    reader = read_v2 if cgroup.version == "v2" else read_v1
    return lambda: reader(cgroup)


def last(samples: ContainerSamples, name: str) -> float:
    """Return the value of the last sample of a series."""
    series: Series = getattr(samples, name)
    return series[-1].value


def counters(reading: Reading | None) -> Raw:
    """Return the counters of a reading under the names of the series that they become."""
    assert reading is not None
    values = {
        "cpu_seconds": reading.cpu_seconds,
        "cfs_periods": reading.periods,
        "cfs_throttled_periods": reading.throttled_periods,
        "oom_events": reading.oom_kills,
    }
    return {name: math.nan if value is None else value for name, value in values.items()}


async def test_every_number_is_the_groups_own(cgroup: Cgroup, serve: Serve, raw: Callable[[], Raw]) -> None:
    """CPU, throttling, memory, threads and kills, of a throttled server with threads, while it works and afterwards."""
    cgroup.set_memory(256 * MIB)
    _, port = await serve("--cpu-ms", "20", "--memory-mib", "40", "--threads", "8", cgroup=cgroup)
    cgroup.set_cpu(100)
    sampler = Sampler.of_cgroup(cgroup)
    sampler.start()
    requests = asyncio.ensure_future(asyncio.to_thread(keep_busy, port))
    while not requests.done():
        before = raw()
        sampler.sample()
        # The last reading that was taken: a series is in the order of the clock, and a clock can be set back.
        reading, after = counters(sampler.latest), raw()
        assert all(before[name] <= value <= after[name] for name, value in reading.items()), (before, reading, after)
        await asyncio.sleep(0.1)
    await requests
    now = raw()
    sampler.sample()
    samples = sampler.samples()
    assert now["cfs_throttled_periods"] > 0
    for name in now.keys() - {"cpu_seconds", "cfs_periods", "cfs_throttled_periods"}:
        assert now[name] == pytest.approx(last(samples, name), rel=LEVELS), name
    assert now["threads"] >= 8
    assert now["working_set_bytes"] > 40 * MIB
    sampler.stop()


def keep_busy(port: int) -> None:
    """Send requests one after the other for some seconds."""
    end = time.monotonic() + BUSY_SECONDS
    while time.monotonic() < end:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", data=json.dumps({"row": 1}).encode())
        with urllib.request.urlopen(request, timeout=20) as response:
            response.read()


async def test_the_largest_working_set_is_one_that_the_files_showed(
    cgroup: Cgroup, serve: Serve, raw: Callable[[], Raw]
) -> None:
    """The server held twice as much while it started."""
    sampler = Sampler.of_cgroup(cgroup)
    sampler.start()
    highest = 0.0
    server = asyncio.ensure_future(serve("--startup-memory-mib", "60", "--memory-mib", "5", cgroup=cgroup))
    while not server.done():
        highest = max(highest, raw()["working_set_bytes"])
        await asyncio.sleep(0.01)
    await server
    sampler.sample()
    samples = sampler.samples(-math.inf)
    peak = max(sample.value for sample in samples.peak_working_set_bytes)
    assert peak >= highest * (1 - LEVELS)
    assert peak <= max(sample.value for sample in samples.max_usage_bytes)
    sampler.stop()


async def test_the_benchmarks_reader_says_the_same_without_any_library(
    cgroup: Cgroup, serve: Serve, raw: Callable[[], Raw]
) -> None:
    """It runs on a node of a cluster until the group is gone, and knows when the server began and listened."""
    began = time.time()
    _, port = await serve("--memory-mib", "40", "--threads", "4", cgroup=cgroup)
    await wait_until(lambda: raw()["threads"] > 4)
    now = raw()
    arguments = ["-I", "-S", "-c", READER, cgroup.directories[0].name, str(port)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    first = await asyncio.wait_for(process.stdout.readline(), 20)
    await asyncio.to_thread(cgroup.kill)
    await asyncio.to_thread(cgroup.remove)
    await asyncio.wait_for(process.communicate(), 20)
    row = dict(zip(reader.COLUMNS.split(), first.decode().split(), strict=True))
    assert now["cpu_seconds"] == pytest.approx(float(row["cpu_seconds"]), rel=0.5)
    assert now["working_set_bytes"] == pytest.approx(float(row["working_set_bytes"]), rel=LEVELS)
    assert now["oom_events"] == float(row["oom_events"])
    if cgroup.version == "v1":  # in version 2 the processes are in the group below
        assert now["threads"] == float(row["threads"])
        assert began - 1 < float(row["started"]) <= float(row["listening"])
