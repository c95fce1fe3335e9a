"""The simulator against a real server of known cost in a control group, at ten points; prints a table.

Each point is one load of tests/servers/costserver.py under a CFS quota, by this project's load generator, and the same
arrivals through the simulator's kernel. Needs a machine on which control groups may be made, and quiet:

    make bench-search-validate
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from benchmarks import publish
from benchmarks.local_truth import PROGRAM, port_of
from benchmarks.search.kernel import PERIOD, serve

from modelprofiler.load.config import LoadConfig
from modelprofiler.load.runner import run
from modelprofiler.load.schedule import arrivals
from modelprofiler.local.cgroup import open_cgroup
from modelprofiler.local.cpus import available_cpus, pin, same_core, split
from modelprofiler.local.process import Server

WARMUP = 2.0


@dataclass(frozen=True)
class Point:
    """A server, its limit and its load.

    Attributes
    ----------
    cpu_ms, delay_ms
        CPU time of a request, and time that is not.
    threads
        Requests that are served at once; Python's lock lets one of them run at a time.
    millicores
        The limit.
    rate, clients
        Requests per second of an open loop, or clients of a closed one.
    """

    cpu_ms: float
    millicores: int
    rate: float = 0.0
    clients: int = 0
    delay_ms: float = 0.0
    threads: int = 1

    @property
    def name(self) -> str:
        """What it is, in words."""
        load = f"{self.rate:g}/s" if self.rate else f"{self.clients} clients"
        more = f" + {self.delay_ms:g} ms, {self.threads} threads" if self.delay_ms else ""
        return f"{self.cpu_ms:g} ms{more}, {load}, {self.millicores}m"


POINTS = (
    Point(8, 1000, rate=50),
    Point(8, 600, rate=50),
    Point(8, 500, rate=50),
    Point(8, 300, rate=25),
    Point(40, 500, rate=5),
    Point(40, 300, rate=5),
    Point(2, 200, rate=60),
    Point(8, 300, clients=1),
    Point(8, 400, clients=4),
    Point(5, 400, rate=50, delay_ms=20, threads=4),
)


def simulated(point: Point, seconds: float, seed: int) -> list[float]:
    """Return the latencies in seconds, ascending, of the requests that were due in the window."""
    if point.rate:
        end = WARMUP + seconds
        due = list(itertools.takewhile(lambda at: at < end, arrivals("Poisson", point.rate, seed)))
    else:
        due = [0.0] * round(1000 * (WARMUP + seconds) / point.cpu_ms)
    count = len(due)
    latencies = [0.0] * count
    sent = [0.0] * count
    serve(
        due,
        [point.cpu_ms / 1000] * count,
        [point.delay_ms / 1000] * count,
        True,
        point.threads,
        1,
        1.0,
        point.millicores / 1000 * PERIOD,
        point.clients,
        0,
        0.0,
        latencies,
        [0.0],
        [0.0] * point.threads,
        [0.0] * point.threads,
        [0] * point.threads,
        sent,
        [0.0] * max(point.clients, 1),
    )
    return sorted(took for at, took in zip(sent, latencies, strict=True) if WARMUP <= at < WARMUP + seconds)


async def measured(point: Point, rows: Path, log: Path, seconds: float, seed: int) -> dict[str, float]:
    """Return p50, p95 and mean in seconds, of a real load."""
    plan = split(available_cpus(), point.millicores / 1000, same_core())
    before = os.sched_getaffinity(0)
    cgroup = open_cgroup("validate")
    server = Server()
    try:
        cgroup.set_cpu(point.millicores)
        knobs = f"--host 127.0.0.1 --port 0 --cpu-ms {point.cpu_ms} --delay-ms {point.delay_ms}"
        argv = [sys.executable, str(PROGRAM), *knobs.split(), "--threads", str(point.threads)]
        await server.start(
            argv, env=dict(os.environ), cwd=log.parent, cgroup=cgroup, log_path=log, cpus=set(plan.server)
        )
        pin(plan.load)
        port = await port_of(server)
        await server.ready("127.0.0.1", port, "/healthz", timeout=20)
        load = (
            {"openLoop": {"rate": f"{point.rate:g}"}} if point.rate else {"closedLoop": {"concurrency": point.clients}}
        )
        config = LoadConfig.model_validate(
            {
                "host": "127.0.0.1",
                "port": port,
                "endpoint": {"path": "/"},
                "dataset": {"path": str(rows)},
                "load": {**load, "warmup": f"{WARMUP:g}s", "duration": f"{seconds:g}s"},
                "seed": seed,
            }
        )
        result = await run(config, say=lambda _: None)
        assert result.status is not None, result.message
        found = {metric: getattr(result.status.latency, metric) for metric in ("p50", "p95", "mean")}
        return {metric: value.seconds for metric, value in found.items() if value is not None}
    finally:
        os.sched_setaffinity(0, before)
        await server.stop()
        cgroup.remove()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.validate", description=__doc__)
    parser.add_argument("--seconds", type=float, default=12.0, help="length of a window")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    given = parser.parse_args(arguments)
    if given.seconds <= 0:
        parser.error("--seconds must be above 0")
    lines = ["| server | p50: real, simulated | p95: real, simulated | mean: real, simulated |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        rows = Path(folder) / "rows.txt"
        rows.write_text("row\n" * 100)
        for seed, point in enumerate(POINTS):
            log = Path(folder) / f"{seed}.log"
            real = runner.run(measured(point, rows, log, given.seconds, seed))
            ours = simulated(point, given.seconds, seed)
            model = {"p50": ours[len(ours) // 2], "p95": ours[int(0.95 * len(ours))], "mean": sum(ours) / len(ours)}
            cells = [
                f"{1000 * real[m]:.1f} ms, {1000 * model[m]:.1f} ms ({100 * (model[m] / real[m] - 1):+.0f} %)"
                for m in ("p50", "p95", "mean")
            ]
            lines.append(f"| {point.name} | {' | '.join(cells)} |")
            print(lines[-1], file=sys.stderr, flush=True)
    if given.write:
        publish.replace("simulator", "\n".join(lines))
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
