"""Measure servers of known cost on this machine, and print how far the numbers are from the truth.

An argument of the server (tests/servers/costserver.py) sets how much CPU time and memory a request uses. The truth is
that CPU time, and what the kernel reports for the server's own anonymous pages, after the load and at the peak. Two
servers are measured once more while another process takes all it can get of their CPU. Prints Markdown; --write puts it
into docs/benchmarks.md.

    make bench PART=local-truth
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop
from benchmarks.arguments import count, number
from benchmarks.publish import replace as publish

from modelprofiler.api.trial import UsageStatus
from modelprofiler.core.windows import Window, windows_from
from modelprofiler.host.cgroup import Cgroup, open_cgroup
from modelprofiler.host.control_group import Reading
from modelprofiler.host.cpus import available_cpus, pin, same_core, split
from modelprofiler.host.lock import machine_lock
from modelprofiler.host.readiness import Target
from modelprofiler.host.sampler import Sampler
from modelprofiler.host.server_process import ServerProcess
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.runner import run
from modelprofiler.metrics.usage import usage

PROGRAM = Path(__file__).parent.parent / "tests" / "servers" / "costserver.py"
MIB = 2**20
CPU_WITHIN, MEMORY_WITHIN, GROWTH_WITHIN = 3.0, 2.0, 5.0
"""Percent that the numbers are to stay within."""
REQUESTS = 100
"""A window has so many at least: one that is cut in two at its end is then 1 %."""
CPU_HEAD = (
    "| server | runs | CPU per request off by | largest | mean cores off by | throttled "
    "| by its group, the whole load |\n|---|---|---|---|---|---|---|"
)
MEMORY_HEAD = (
    "| server | runs | after start off by | peak off by | steady off by | kept by 1,000 requests "
    "| told, with its 95 % interval |\n|---|---|---|---|---|---|---|"
)
HOG_SECONDS = 60
"""After which a process that takes all it can get ends by itself, whatever becomes of this one."""


@dataclass(frozen=True)
class Case:
    """A server, its limits and its load."""

    name: str
    cpu_ms: float
    memory_mib: int
    request_memory_mib: int
    rate: str
    millicores: int | None
    arrival: str = "Poisson"
    workers: int = 0
    startup_memory_mib: int = 0
    startup_cpu_ms: int = 0
    leak_kib: int = 0
    grouped: bool = True
    busy: bool = False

    def __str__(self) -> str:
        return f"{self.name}, beside other work" if self.busy else self.name


QUIET = (
    Case("half a core of one", 8, 64, 0, "50", 1000),
    Case("throttled", 8, 64, 0, "25", 250),
    Case("small requests", 1, 128, 0, "150", 500),
    Case("memory with each request", 20, 32, 16, "8", 1000, arrival="Constant"),  # held for a sixth of the time
    Case("160 MiB and 1 s of CPU at start", 8, 64, 0, "50", 1000, startup_memory_mib=160, startup_cpu_ms=1000),
    Case("64 KiB kept with each request", 8, 64, 0, "50", 1000, leak_kib=64),
    Case("two workers", 10, 48, 0, "30", 1000, workers=2),
    Case("without a control group", 8, 64, 0, "50", None, grouped=False),
)
CASES = (
    *QUIET,
    *(replace(case, busy=True) for case in QUIET if case.name in ("half a core of one", "memory with each request")),
)


@dataclass(frozen=True)
class Comparison:
    """What one run measured, and by how much in percent it is off.

    Attributes
    ----------
    start_off
        Memory after start, before the first request.
    steady_off
        Absent where it grows: it is then that of one moment.
    throttled
        What the control group itself counted over the whole load, in percent of its periods.
    """

    usage: UsageStatus
    cpu_off: float
    cores_off: float
    start_off: float | None
    steady_off: float | None
    peak_off: float | None
    throttled: float | None


def held_bytes(pids: set[int], field: str) -> int:
    """Return what processes hold, as the kernel says of each (proc_pid_smaps(5)).

    Pss_Anon: what is theirs alone, or their part of what several share. Rss: files that are mapped, too; those are
    charged to the process that read them first, and so not to a server that was started again.
    """
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return sum(int(kib) * 1024 for text in rollups for kib in re.findall(rf"^{field}: +(\d+) kB", text, re.MULTILINE))


def held_memory(server: ServerProcess, cgroup: Cgroup | None) -> int:
    """Return what a server holds now: its own pages in a control group, all of it without one."""
    return held_bytes(cgroup.pids(), "Pss_Anon") if cgroup else held_bytes({server.pid}, "Rss")


def forget_most_held(pid: int) -> None:
    """Have the kernel count anew what a process has held at most: its start is no part of the load (proc(5))."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def most_held_bytes(pid: int, *, anonymous: bool) -> int:
    """Return what a process has held at most, with or without the files that it maps (proc_pid_status(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    kib = {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB", status, re.MULTILINE)}
    return (kib["VmHWM"] - (kib["RssFile"] if anonymous else 0)) * 1024


@contextlib.contextmanager
def other_work(cpus: Iterable[int]) -> Iterator[None]:
    """Have each of these CPUs be wanted by another process too."""
    program = "import sys, time\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass"
    hogs = [subprocess.Popen([sys.executable, "-c", program, str(HOG_SECONDS)]) for _ in cpus]
    try:
        for hog, cpu in zip(hogs, cpus, strict=True):
            os.sched_setaffinity(hog.pid, {cpu})
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


async def port_of(server: ServerProcess) -> int:
    """Wait until the server says which port it has taken."""
    async with asyncio.timeout(20):
        while not (announced := re.search(r"listening on \S+:(\d+)", server.exit_sentence())):
            assert server.alive, server.exit_sentence()
            await asyncio.sleep(0.02)
    return int(announced[1])


async def measure(case: Case, rows: Path, log: Path, seconds: float, seed: int) -> Comparison:
    """Start the server, load it once, and compare."""
    plan = split(available_cpus(), (case.millicores or 1000) / 1000, same_core())
    before = os.sched_getaffinity(0)
    cgroup: Cgroup | None = open_cgroup("truth") if case.grouped else None
    server, hogs = ServerProcess(), contextlib.ExitStack()
    try:
        if cgroup:
            cgroup.set_cpu(case.millicores)
            cgroup.set_memory(512 * MIB)
        knobs = (
            f"--host 127.0.0.1 --port 0 --cpu-ms {case.cpu_ms} --memory-mib {case.memory_mib} --workers {case.workers}"
        )
        knobs += f" --request-memory-mib {case.request_memory_mib} --leak-kib {case.leak_kib}"
        knobs += f" --startup-memory-mib {case.startup_memory_mib} --startup-cpu-ms {case.startup_cpu_ms}"
        argv = [sys.executable, str(PROGRAM), *knobs.split()]
        await server.start(
            argv, env=dict(os.environ), cwd=log.parent, cgroup=cgroup, log_path=log, cpus=set(plan.server)
        )
        sampler = Sampler.of_cgroup(cgroup) if cgroup else Sampler.of_process(server.pid)
        sampler.start()
        pin(plan.load)
        port = await port_of(server)
        await server.ready(Target("127.0.0.1", port, "/healthz"), timeout=20)
        await asyncio.sleep(0.3)
        ready = time.time()
        sampler.sample()  # as a trial does when its server is ready
        if not case.workers:
            forget_most_held(server.pid)
        held_at_start = held_memory(server, cgroup)
        before_load = cgroup.read() if cgroup else None
        seconds = max(seconds, REQUESTS / float(case.rate))
        load = {"openLoop": {"rate": case.rate, "arrival": case.arrival}, "warmup": "2s", "duration": f"{seconds}s"}
        hogs.enter_context(other_work(sorted(plan.server)) if case.busy else contextlib.nullcontext())
        config = LoadConfig.model_validate(
            {
                "host": "127.0.0.1",
                "port": port,
                "endpoint": {"path": "/"},
                "dataset": {"path": str(rows)},
                "load": load,
                "seed": seed,
            }
        )
        result = await run(config, say=lambda _: None)
        after_load = cgroup.read() if cgroup else None
        await asyncio.sleep(0.25)
        held_at_end = held_memory(server, cgroup)
        peak_bytes = None if case.workers else most_held_bytes(server.pid, anonymous=case.grouped)
        sampler.stop()
        times = (result.warmup_started, result.window_started, result.window_ended, result.ended)
        assert None not in times, result.message
        load_start, window_start, window_end, load_end = (t or 0.0 for t in times)
        measured = usage(
            sampler.samples(),
            windows_from(
                Window(window_start, window_end),
                result.completed_between,
                load_start,
                load_end,
                exclusive=Window(ready, time.time()),
            ),
        )
        assert measured is not None
        assert measured.cpu_time_per_request is not None
        assert measured.cpu is not None
        assert measured.memory is not None
        assert measured.memory.steady is not None
        served = result.completed_between(window_start, window_end)
        started = measured.memory.before_load
        return Comparison(
            measured,
            percent_off(measured.cpu_time_per_request.seconds * 1000, case.cpu_ms),
            percent_off(float(measured.cpu), served * case.cpu_ms / 1000 / (window_end - window_start)),
            percent_off(float(started), held_at_start) if started is not None else None,
            percent_off(float(measured.memory.steady), held_at_end) if not case.leak_kib else None,
            percent_off(float(measured.memory.peak), peak_bytes) if peak_bytes else None,
            throttled_percent(before_load, after_load),
        )
    finally:
        hogs.close()
        os.sched_setaffinity(0, before)
        await server.stop()
        if cgroup:
            cgroup.remove()


def throttled_percent(first: Reading | None, last: Reading | None) -> float | None:
    """Return the share of the periods between two readings in which the quota was used up."""
    if first is None or last is None or None in (first.periods, last.periods):
        return None
    periods = (last.periods or 0) - (first.periods or 0)
    return 100 * ((last.throttled_periods or 0) - (first.throttled_periods or 0)) / periods if periods else 0.0


def percent_off(value: float, truth: float) -> float:
    return 100 * (value / truth - 1)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.local_truth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=count(1, 100), default=10, help="runs of each (default: 10)")
    parser.add_argument("--seconds", type=number(1, 600), default=6.0, help="shortest window (default: 6)")
    parser.add_argument("--case", help="only cases whose name has this in it; not written")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    if arguments.case and not any(arguments.case in str(case) for case in CASES):
        parser.error(f"--case: no case has {arguments.case!r} in its name")
    results: dict[Case, list[Comparison]] = {}
    with (
        machine_lock(
            "the benchmark of known servers", wait_seconds=600, waiting=lambda reason: print(reason, file=sys.stderr)
        ),
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=uvloop.Loop) as runner,
    ):
        rows = Path(folder) / "rows.txt"
        rows.write_text("row\n" * 100)
        for case in CASES:
            if arguments.case and arguments.case not in str(case):
                continue
            results[case] = [
                runner.run(measure(case, rows, Path(tempfile.mkstemp(dir=folder)[1]), arguments.seconds, seed))
                for seed in range(arguments.runs)
            ]
            print(cpu_row(case, results[case]), memory_row(case, results[case]), sep="\n", file=sys.stderr, flush=True)
    tables = [
        "\n".join([CPU_HEAD, *(cpu_row(case, comparisons) for case, comparisons in results.items())]),
        "\n".join([MEMORY_HEAD, *(memory_row(case, comparisons) for case, comparisons in results.items())]),
    ]
    print(text := "\n\n".join(tables))
    if arguments.write and not arguments.case:
        publish("local-truth", text)
    wrong = [f"{case}: {sentence}" for case, comparisons in results.items() for sentence in problems(case, comparisons)]
    print("\n".join(wrong), end="\n" if wrong else "", file=sys.stderr)
    return 1 if wrong else 0


def cpu_row(case: Case, comparisons: list[Comparison]) -> str:
    """Return what was measured of a server's CPU."""
    cost = [f.cpu_off for f in comparisons]
    throttled = [float(f.usage.throttled_percent) for f in comparisons if f.usage.throttled_percent is not None]
    cells = [
        str(case),
        str(len(comparisons)),
        f"{statistics.mean(cost):+.2f} %",
        f"{max(cost, key=abs):+.2f} %",
        span([f.cores_off for f in comparisons]),
        share(throttled),
        share([f.throttled for f in comparisons if f.throttled is not None]),
    ]
    return f"| {' | '.join(cells)} |"


def memory_row(case: Case, comparisons: list[Comparison]) -> str:
    """Return what was measured of a server's memory."""
    cells = [
        str(case),
        str(len(comparisons)),
        span([f.start_off for f in comparisons if f.start_off is not None]),
        span([f.peak_off for f in comparisons if f.peak_off is not None]),
        span([f.steady_off for f in comparisons if f.steady_off is not None]),
        f"{case.leak_kib * 1000 / 1024:.1f} MiB" if case.leak_kib else "nothing",
        "; ".join(growth(f.usage) for f in comparisons),
    ]
    return f"| {' | '.join(cells)} |"


def growth(measured: UsageStatus) -> str:
    """Return the growth of memory per 1,000 requests with its interval in MiB, as it was reported."""
    memory = measured.memory
    if memory is None or memory.growth_per1000_requests is None:
        return "none"
    low, high = memory.growth_low, memory.growth_high
    interval = f" ({float(low) / MIB:.1f} to {float(high) / MIB:.1f})" if low is not None and high is not None else ""
    return f"{float(memory.growth_per1000_requests) / MIB:.1f}{interval}"


def problems(case: Case, comparisons: list[Comparison]) -> list[str]:
    """Return a sentence for every number that is not within its bound, and for growth that is reported wrongly."""
    cpu = [by for f in comparisons for by in (f.cpu_off, f.cores_off)]
    memory = [by for f in comparisons for by in (f.start_off, f.steady_off, f.peak_off) if by is not None]
    wrong = [f"CPU is off by {by:+.2f} %" for by in cpu if abs(by) > CPU_WITHIN]
    wrong += [f"memory is off by {by:+.2f} %" for by in memory if abs(by) > MEMORY_WITHIN]
    truth = case.leak_kib * 1024 * 1000
    for each in comparisons:
        used = each.usage.memory
        growth_value, low = (used.growth_per1000_requests, used.growth_low) if used is not None else (None, None)
        if (low is not None and float(low) > 0) != bool(truth):
            wrong.append(f"growth is reported as {growth(each.usage)}")
        elif truth and growth_value is not None and abs(percent_off(float(growth_value), truth)) > GROWTH_WITHIN:
            wrong.append(f"growth is off by {percent_off(float(growth_value), truth):+.1f} %")
    return wrong


def span(values: list[float]) -> str:
    """Return the smallest and the largest error in percent."""
    if not values:
        return "none"
    return f"{values[0]:+.2f} %" if len(values) == 1 else f"{min(values):+.2f} to {max(values):+.2f} %"


def share(values: list[float]) -> str:
    """Return the smallest and the largest share in percent."""
    if not values:
        return "none"
    return f"{values[0]:.1f} %" if len(values) == 1 else f"{min(values):.1f} to {max(values):.1f} %"


if __name__ == "__main__":
    sys.exit(main())
