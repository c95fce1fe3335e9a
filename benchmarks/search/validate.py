"""Compare the simulator with a real server of known cost in a control group, at ten points; prints a table.

Each point is one load of tests/servers/costserver.py under a CFS quota, by this project's load generator, and the same
arrivals in the simulator's kernel. Two things are unknown to the simulator:

- the point in the quota's period at which the load began: it starts at ten points of the period and merges the results;
- the time on the way to the server and back: a server without work is measured first, and the median is added to every
  latency.

Where permitted, other work is kept away: the server's control group has the highest weight, and the load generator the
highest priority. Caches, the clock rate and the hypervisor remain, so use a quiet machine.

    make bench PART=search-validate
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from benchmarks import publish
from benchmarks.arguments import number
from benchmarks.local_truth import PROGRAM, port_of
from benchmarks.search.kernel import PERIOD, serve

from modelprofiler.host.cgroup import Cgroup, open_cgroup
from modelprofiler.host.cpus import available_cpus, pin, same_core, split
from modelprofiler.host.lock import machine_lock
from modelprofiler.host.readiness import Target
from modelprofiler.host.server_process import ServerProcess
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.result import LoadResult
from modelprofiler.load.runner import run
from modelprofiler.load.schedule import arrivals

WARMUP = 2.0
PHASES = 10
METRICS = ("p50", "p95", "mean")
WEIGHTS = {"cpu.shares": "262144", "cpu.weight": "10000"}
"""The most of versions 1 and 2 (sched(7), cgroups(7))."""


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
        """A description of the point."""
        load = f"{self.rate:g}/s" if self.rate else f"{self.clients} clients"
        more = f" + {self.delay_ms:g} ms, {self.threads} threads" if self.delay_ms else ""
        return f"{self.cpu_ms:g} ms{more}, {load}, {self.millicores}m"


IDLE = Point(0, 1000, rate=50)
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


def simulated(point: Point, warmup: float, seconds: float, seed: int, way: float) -> list[dict[str, float]]:
    """Return p50, p95 and mean in seconds of the requests that were due in the window, of each phase and of all."""
    phases = [_latencies(point, warmup, seconds, seed, phase * PERIOD / PHASES) for phase in range(PHASES)]
    return [_summary([latency + way for latency in part]) for part in (*phases, list(itertools.chain(*phases)))]


def _latencies(point: Point, warmup: float, seconds: float, seed: int, phase: float) -> list[float]:
    """Return the latencies of one phase: `phase` seconds lie between the start of a period and that of the load."""
    if point.rate:
        due = list(itertools.takewhile(lambda at: at < warmup + seconds, arrivals("Poisson", point.rate, seed)))
        due = [phase + at for at in due]
    else:
        due = [0.0] * round(1000 * (warmup + seconds) / point.cpu_ms)
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
        [phase] * max(point.clients, 1),
        0,
        [0] * count,
    )
    begin = phase + warmup
    return [took for at, took in zip(sent, latencies, strict=True) if begin <= at < begin + seconds]


def _summary(latencies: list[float]) -> dict[str, float]:
    ascending = sorted(latencies)
    last = len(ascending) - 1
    p50, p95 = (ascending[min(int(share * len(ascending)), last)] for share in (0.5, 0.95))
    return {"p50": p50, "p95": p95, "mean": sum(ascending) / len(ascending)}


async def measured(point: Point, rows: Path, log: Path, seconds: float, seed: int) -> LoadResult:
    """Return what a real load gave."""
    plan = split(available_cpus(), point.millicores / 1000, same_core())
    before = os.sched_getaffinity(0)
    cgroup = open_cgroup("validate")
    server = ServerProcess()
    try:
        cgroup.set_cpu(point.millicores)
        _prefer(cgroup)
        knobs = f"--host 127.0.0.1 --port 0 --cpu-ms {point.cpu_ms} --delay-ms {point.delay_ms}"
        argv = [sys.executable, str(PROGRAM), *knobs.split(), "--threads", str(point.threads)]
        await server.start(
            argv, env=dict(os.environ), cwd=log.parent, cgroup=cgroup, log_path=log, cpus=set(plan.server)
        )
        pin(plan.load)
        port = await port_of(server)
        await server.ready(Target("127.0.0.1", port, "/healthz"), timeout=20)
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
        return await run(config, say=lambda _: None)
    finally:
        os.sched_setaffinity(0, before)
        await server.stop()
        cgroup.remove()


def _prefer(cgroup: Cgroup) -> None:
    """Give a group the most weight against other work."""
    for directory in cgroup.directories:
        for name, weight in WEIGHTS.items():
            with contextlib.suppress(OSError):
                if (directory / name).exists():
                    (directory / name).write_text(weight)


def _go_first() -> None:
    """Run before other work, as far as this user may; what is started from here runs as usual."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def compared(point: Point, result: LoadResult, seed: int, way: float) -> tuple[str, dict[str, float]]:
    """Return the row of a point, and by which share the simulator is off in each metric.

    Raises
    ------
    SystemExit
        When the load did not come about.
    """
    if result.status is None or result.window_started is None or result.window_ended is None:
        raise SystemExit(f"{point.name}: {result.message}")
    assert result.warmup_started is not None
    # The load may have made its warm-up or its window longer, to have requests enough.
    warmup, seconds = result.window_started - result.warmup_started, result.window_ended - result.window_started
    *phases, whole_run = simulated(point, warmup, seconds, seed, way)
    cells, deviations = [], {}
    for metric in METRICS:
        value = getattr(result.status.latency, metric)
        if value is None:
            cells.append("none")
            continue
        deviations[metric] = whole_run[metric] / value.seconds - 1
        low, high = (1000 * pick(phase[metric] for phase in phases) for pick in (min, max))
        phase = f", {low:.1f} to {high:.1f}" if high - low >= 0.1 else ""
        cells.append(
            f"{1000 * value.seconds:.1f}, {1000 * whole_run[metric]:.1f}{phase} ({100 * deviations[metric]:+.0f} %)"
        )
    return f"| {point.name} | {' | '.join(cells)} |", deviations


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.validate", description=__doc__)
    parser.add_argument("--seconds", type=number(1, 600), default=12.0, help="length of a window (default: 12)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    lines = [
        "| server | p50 in ms: real, simulated | p95: real, simulated | mean: real, simulated |",
        "|---|---|---|---|",
    ]
    errors: dict[str, list[float]] = {metric: [] for metric in METRICS}
    with (
        machine_lock(
            "the validation of the simulator", wait_seconds=600, waiting=lambda reason: print(reason, file=sys.stderr)
        ),
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=uvloop.Loop) as runner,
    ):
        rows = Path(folder) / "rows.txt"
        rows.write_text("row\n" * 100)
        _go_first()

        def load(point: Point, seed: int) -> LoadResult:
            return runner.run(measured(point, rows, Path(folder) / f"{seed}.log", options.seconds, seed))

        idle = load(IDLE, 0).status
        assert idle is not None
        assert idle.latency.p50 is not None
        way = idle.latency.p50.seconds
        for seed, point in enumerate(POINTS, start=1):
            line, deviations = compared(point, load(point, seed), seed, way)
            for metric, share in deviations.items():
                errors[metric].append(abs(share))
            lines.append(line)
            print(line, file=sys.stderr, flush=True)
    cells = [f"{100 * statistics.median(shares):.0f} %, {100 * max(shares):.0f} %" for shares in errors.values()]
    lines.append(f"| off by: median, most | {' | '.join(cells)} |")
    if options.write:
        publish.replace("simulator", "\n".join(lines))
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
