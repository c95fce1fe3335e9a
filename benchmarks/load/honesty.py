"""Whether a client reports the stall of a server, and whether this one sends when it says.

The server does nothing for 200 ms in every 2 s. Requests that are due at a steady rate then wait until the stall is
over; how long is known from the stall alone. With stalls of lengths L_i in a time T, the share of requests that wait
longer than x is sum(max(L_i - x, 0)) / T, whatever the rate.
"""

from __future__ import annotations

import csv
import json
import math
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import generator
from benchmarks.load.cost import CONNECTIONS, HEY, OPEN_RATE, VEGETA, WRK, vegeta
from benchmarks.load.programs import BODY, HERE, cores, find, log_of, nginx, running, stalling

EVERY, STALL = 2.0, 0.2
RATE = 1000
PERCENTILES = {"p99": 0.99, "p99.9": 0.999}
LAG_BOUND = 0.001
"""Seconds of send lag (p99) to stay under."""
CLOCK_SECONDS = 2.0
ARRIVALS = 100_000
SLOW_RATE = 100

_WRK_SCRIPT = f"""
wrk.method = "POST"
wrk.body = string.rep("x", {len(BODY)})
done = function(summary, latency, requests)
  io.write(string.format("p99 %f\\np99.9 %f\\n", latency:percentile(99.0) / 1e6, latency:percentile(99.9) / 1e6))
end
"""


def waits_longer(stalls: Sequence[tuple[float, float]], span: float, x: float) -> float:
    """Return the share of requests, at a steady rate over ``span`` seconds, that wait longer than ``x`` seconds."""
    return sum(max(end - begin - x, 0.0) for begin, end in stalls) / span


def true_quantile(stalls: Sequence[tuple[float, float]], span: float, q: float) -> float:
    """Return the wait that a share ``q`` of the requests does not exceed, in seconds; stalls are (begin, end).

    Found by bisection, since `waits_longer` falls in x.
    """
    low, high = 0.0, max((end - begin for begin, end in stalls), default=0.0)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if waits_longer(stalls, span, middle) > 1 - q else (low, middle)
    return high


def exact_quantile(values: Sequence[float], q: float) -> float:
    """Return the value at rank ``ceil(q n)`` of the sorted values."""
    return sorted(values)[max(math.ceil(q * len(values) - 1e-9), 1) - 1]


@dataclass(frozen=True)
class Comparison:
    """Percentiles in seconds by name, as a client reported them and as they were."""

    client: str
    loop: str
    reported: dict[str, float]
    truth: dict[str, float]

    def deviation(self, name: str) -> float:
        """Return how far the report is off, as a share of the truth."""
        return self.reported[name] / self.truth[name] - 1


def ask(port: int, folder: Path, seconds: int, missing: dict[str, str], say: Callable[[str], None]) -> list[Comparison]:
    """Let every client load the stalling server for `seconds`, and compare what each reports with the truth."""
    comparisons = []
    clients: dict[str, tuple[str, Callable[[int, Path, int], dict[str, float]]]] = {
        "this generator": (f"open, {RATE:,}/s", _ours),
        VEGETA: (f"open, {RATE:,}/s", _vegeta),
        WRK: (f"closed, {CONNECTIONS} connections", _wrk),
        HEY: (f"closed, {CONNECTIONS} connections", _hey),
    }
    for number, (name, (loop, client)) in enumerate(clients.items()):
        if name in missing:
            continue
        at = folder / f"honesty-{number}"
        at.mkdir()
        began = time.monotonic()
        reported = client(port, at, seconds)
        stalls = [(a, b) for a, b in log_of(port)["stalls"] if a >= began]
        span = EVERY * len(stalls)
        comparisons.append(
            Comparison(name, loop, reported, {p: true_quantile(stalls, span, q) for p, q in PERCENTILES.items()})
        )
        truth = comparisons[-1].truth["p99"]
        say(f"honesty: {name} reports p99 {1000 * reported['p99']:.1f} ms, truth {1000 * truth:.1f} ms")
    return comparisons


def _ours(port: int, folder: Path, seconds: int) -> dict[str, float]:
    load = {"openLoop": {"rate": str(RATE), "arrival": "Constant"}, "warmup": f"{EVERY:g}s", "duration": f"{seconds}s"}
    (result,) = generator.measured(generator.run([generator.configuration(port, load)], folder))
    return {name: result.histogram.quantile(q) or math.nan for name, q in PERCENTILES.items()}


def _wrk(port: int, folder: Path, seconds: int) -> dict[str, float]:
    (folder / "post.lua").write_text(_WRK_SCRIPT)
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", "post.lua"]
    _finish([str(find("wrk")), *options, f"http://{HERE}:{port}/"], folder, seconds)
    return {name: float(value) for name, value in re.findall(r"(?m)^(p99(?:\.9)?) (\S+)$", _output(folder))}


def _hey(port: int, folder: Path, seconds: int) -> dict[str, float]:
    (folder / "body").write_bytes(BODY)
    options = ["-m", "POST", "-D", "body", "-z", f"{seconds}s", "-c", str(CONNECTIONS)]
    _finish([str(find("hey")), *options, "-o", "csv", f"http://{HERE}:{port}/"], folder, seconds)
    rows = csv.DictReader(_output(folder).splitlines())
    latencies = [float(row["response-time"]) for row in rows]
    return {name: exact_quantile(latencies, q) for name, q in PERCENTILES.items()}


def _vegeta(port: int, folder: Path, seconds: int) -> dict[str, float]:
    _finish(vegeta(port, folder, RATE, seconds), folder, seconds)
    encode = [str(find("vegeta")), "encode", "-to", "csv", "results"]
    completed = subprocess.run(encode, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    latencies = [int(row[2]) / 1e9 for row in csv.reader(completed.stdout.splitlines())]
    return {name: exact_quantile(latencies, q) for name, q in PERCENTILES.items()}


def _finish(command: list[str], folder: Path, seconds: int) -> None:
    with running(command, cores()[0], folder) as process:
        process.wait(seconds + 20)


def _output(folder: Path) -> str:
    return (folder / "output").read_text(errors="replace")


def table(comparisons: Sequence[Comparison], missing: dict[str, str]) -> list[str]:
    """Return the table of what each client reported, next to the truth."""
    lines = [
        "| client | loop | p99, ms | truth | off by | p99.9, ms | truth | off by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in comparisons:
        cells = [
            f"{each.reported[p] * 1000:.1f} | {each.truth[p] * 1000:.1f} | {100 * each.deviation(p):+.1f} %"
            for p in PERCENTILES
        ]
        lines.append(f"| {each.client} | {each.loop} | {' | '.join(cells)} |")
    lines += [f"| {name} | missing: {missing[name]} | | | | | | |" for name in (VEGETA, WRK, HEY) if name in missing]
    return lines


@dataclass(frozen=True)
class Timing:
    """How well requests are sent when they are due.

    Attributes
    ----------
    lags, cpu_percents
        Send lag (p99, seconds) and CPU of a core at `OPEN_RATE`, of each round.
    machine
        How late (p99, seconds) what is due at any time would be on the same core for a process that only looks at the
        clock, before each round: what other work on the machine, or on its host, takes away.
    planned, arrived
        The probabilities of a Kolmogorov-Smirnov test that gaps between requests are exponential: as planned at
        `OPEN_RATE`, and as a server noted them at `SLOW_RATE`, with how many those were.
    """

    lags: list[float]
    cpu_percents: list[float]
    machine: list[float]
    planned: float
    arrived: tuple[float, int]


def time_sends(folder: Path, rounds: int, say: Callable[[str], None]) -> Timing:
    """Measure `Timing`."""
    lags, percents, machine = [], [], []
    with nginx(folder / "lag-nginx") as port:
        load: dict[str, Any] = {"openLoop": {"rate": str(OPEN_RATE)}, "duration": "5s"}
        for turn in range(rounds):
            machine.append(_lag_of_the_machine(folder / f"clock-{turn}"))
            config = generator.configuration(port, load)
            (result,) = generator.measured(generator.run([config], folder / f"lag-{turn}"))
            lags.append(result.send_lag_p99 or math.nan)
            percents.append(result.cpu_percent or math.nan)
            machine_lag = f"the machine's own {machine[-1] * 1e6:.0f} us"
            say(f"honesty: send lag p99 {lags[-1] * 1e6:.0f} us at {OPEN_RATE:,}/s, {machine_lag}")
    with stalling(folder / "arrivals-server", every=3600.0, stall=0.0) as port:
        load = {"openLoop": {"rate": str(SLOW_RATE)}, "warmup": "0s", "duration": "15s"}
        config = generator.configuration(port, load, endpoint={"path": "/arrivals"})
        generator.measured(generator.run([config], folder / "arrivals"))
        arrivals = [float(t) for t in log_of(port)["arrivals"]]
    arrivals = arrivals[4:]  # the smoke request and the probes before the load
    return Timing(lags, percents, machine, *_kolmogorov_smirnov(arrivals))


def _lag_of_the_machine(folder: Path) -> float:
    folder.mkdir()
    with running([sys.executable, "-m", "benchmarks.load.clock", f"{CLOCK_SECONDS:g}"], cores()[0], folder) as process:
        process.wait(CLOCK_SECONDS + 20)
    return true_quantile(json.loads(_output(folder)), CLOCK_SECONDS, 0.99)


def _kolmogorov_smirnov(arrivals: Sequence[float]) -> tuple[float, tuple[float, int]]:
    from itertools import islice, pairwise

    from scipy.stats import kstest

    from modelprofiler.load.schedule import poisson

    planned_intervals = [b - a for a, b in pairwise(islice(poisson(OPEN_RATE, 0), ARRIVALS + 1))]
    intervals = [b - a for a, b in pairwise(arrivals)]
    values = [
        float(kstest(gaps, "expon", args=(0, 1 / rate)).pvalue)
        for gaps, rate in ((planned_intervals, OPEN_RATE), (intervals, SLOW_RATE))
    ]
    return values[0], (values[1], len(intervals))


def timing_table(timing: Timing) -> list[str]:
    """Return what was measured, next to what is to be reached."""
    percent = statistics.median(timing.cpu_percents)
    probability, count = timing.arrived
    rows = [
        (
            f"send lag at {OPEN_RATE:,} requests/s, Poisson, p99: median of {len(timing.lags)} runs (least to most)",
            _microseconds(timing.lags),
            f"under {LAG_BOUND * 1e6:,.0f} us",
        ),
        (
            "the machine's own lag before each of them, p99 of a loop that only looks at the clock",
            _microseconds(timing.machine),
            "",
        ),
        ("CPU for that, of one core", f"{percent:.0f} %", ""),
        (f"gaps of {ARRIVALS:,} arrivals as planned, exponential?", f"p = {timing.planned:.2f}", "p > 0.01"),
        (f"gaps of {count + 1:,} requests as they came, at {SLOW_RATE}/s", f"p = {probability:.2f}", "p > 0.01"),
    ]
    return ["| what | measured | to reach |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]


def _microseconds(values: Sequence[float]) -> str:
    return f"{statistics.median(values) * 1e6:,.0f} us ({min(values) * 1e6:,.0f} to {max(values) * 1e6:,.0f})"
