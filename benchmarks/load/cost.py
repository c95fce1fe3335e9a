"""What a request costs each client: its CPU time over the requests that the server had, both seen from outside."""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import generator
from benchmarks.load.programs import BODY, HERE, ROOT, cores, cpu_seconds, find, nginx, requests_served, running

CONNECTIONS = 50
LONGEST = 30
"""Seconds after which every client ends by itself."""
OPEN_RATE = 5000

OURS, OPEN, OURS_ANOTHER = (
    "this generator",
    f"this generator, open loop of {OPEN_RATE:,}/s",
    "this generator, each head new",
)
WRK, HEY, LOCUST, AIOHTTP = "wrk", "hey", "locust, FastHttpUser", "aiohttp"
WRK_ANOTHER = "wrk, each head new"
VEGETA = "vegeta"
VEGETA_OPEN = f"vegeta, open loop of {OPEN_RATE:,}/s"

_WRK_SCRIPT = f"""
wrk.method = "POST"
wrk.body = string.rep("x", {len(BODY)})
wrk.headers["Content-Type"] = "application/json"
"""


@dataclass(frozen=True)
class Cost:
    """One measurement: CPU seconds of the client, requests, and wall seconds, of the same window."""

    cpu: float
    requests: int
    wall: float

    @property
    def microseconds(self) -> float:
        """CPU time per request."""
        return 1e6 * self.cpu / self.requests

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.wall


Command = Callable[[int, Path], list[str]]
"""Makes the command line of a client from the server's port and a folder."""


def _ours(load: dict[str, object], path: str) -> Command:
    options = {"warmup": "0s", "duration": f"{LONGEST}s"} | load

    def command(port: int, folder: Path) -> list[str]:
        return generator.command(generator.configuration(port, options, endpoint={"path": path}), folder)

    return command


def _wrk(path: str) -> Command:
    def command(port: int, folder: Path) -> list[str]:
        (folder / "post.lua").write_text(_WRK_SCRIPT)
        return [
            *(str(find("wrk")), "-t1", f"-c{CONNECTIONS}", f"-d{LONGEST}s", "-s", "post.lua"),
            f"http://{HERE}:{port}{path}",
        ]

    return command


def _hey(port: int, folder: Path) -> list[str]:
    (folder / "body").write_bytes(BODY)
    arguments = ["-m", "POST", "-T", "application/json", "-D", "body"]
    return [str(find("hey")), "-z", f"{LONGEST}s", "-c", str(CONNECTIONS), *arguments, f"http://{HERE}:{port}/"]


def vegeta(port: int, folder: Path, rate: int, seconds: int) -> list[str]:
    """Return the command line of an attack at a constant rate, whose results it keeps in ``results``."""
    (folder / "body").write_bytes(BODY)
    (folder / "target").write_text(f"POST http://{HERE}:{port}/\nContent-Type: application/json\n@body\n")
    arguments = [
        "-rate",
        f"{rate}/s",
        "-duration",
        f"{seconds}s",
        "-connections",
        str(CONNECTIONS),
        "-targets",
        "target",
    ]
    return [str(find("vegeta")), "attack", *arguments, "-output", "results"]


def _vegeta(port: int, folder: Path) -> list[str]:
    return vegeta(port, folder, OPEN_RATE, LONGEST)


def _locust(port: int, folder: Path) -> list[str]:
    users = ["-u", str(CONNECTIONS), "-r", str(CONNECTIONS), "-t", f"{LONGEST}s"]
    return [
        *(sys.executable, "-m", "locust", "-f", str(ROOT / "benchmarks" / "load" / "locustfile.py"), "--headless"),
        *("--only-summary", *users, "-H", f"http://{HERE}:{port}"),
    ]


def _aiohttp(port: int, folder: Path) -> list[str]:
    url = f"http://{HERE}:{port}/"
    return [sys.executable, "-m", "benchmarks.load.aiohttp_client", url, str(CONNECTIONS), str(LONGEST)]


_CLOSED: dict[str, object] = {"closedLoop": {"concurrency": CONNECTIONS}}
CLIENTS: dict[str, Command] = {
    OURS: _ours(_CLOSED, "/"),
    WRK: _wrk("/"),
    HEY: _hey,
    AIOHTTP: _aiohttp,
    LOCUST: _locust,
    OURS_ANOTHER: _ours(_CLOSED, "/another"),
    WRK_ANOTHER: _wrk("/another"),
    OPEN: _ours({"openLoop": {"rate": str(OPEN_RATE)}}, "/"),
    VEGETA_OPEN: _vegeta,
}
QUICK = (OURS, WRK, HEY, AIOHTTP)


def missing() -> dict[str, str]:
    """Return the clients that cannot be run here, and why."""
    missing = {name: f"{name} is not here and could not be fetched" for name in (WRK, HEY) if find(name) is None}
    if find(VEGETA) is None:
        missing[VEGETA] = missing[VEGETA_OPEN] = "vegeta is not here, and there is no Go or no way to its module"
    if WRK in missing:
        missing[WRK_ANOTHER] = missing[WRK]
    if importlib.util.find_spec("locust") is None:
        missing[LOCUST] = "locust is not installed in this environment"
    return missing


def measure(command: Command, port: int, folder: Path, *, settle: float, window: float) -> Cost:
    """Run a client for a while, on its core, and return what a window of it cost.

    Raises
    ------
    RuntimeError
        When the client ended early or sent nothing.
    """
    folder.mkdir(parents=True)
    before = requests_served(port)
    with running(command(port, folder), cores()[0], folder) as process:
        patience = time.monotonic() + LONGEST / 2
        while process.poll() is None and requests_served(port) < before + 200 and time.monotonic() < patience:
            before += 1  # its own question
            time.sleep(0.05)
        time.sleep(settle)
        began, served, cpu = time.monotonic(), requests_served(port), cpu_seconds(process)
        time.sleep(window)
        ended, served_later, cpu_later = time.monotonic(), requests_served(port), cpu_seconds(process)
        if process.poll() is not None or served_later - served < 2:
            raise RuntimeError(f"{process.args!r} sent nothing: {(folder / 'output').read_text()[-500:]}")
    return Cost(cpu_later - cpu, served_later - served - 1, ended - began)


def run(
    names: Sequence[str], rounds: int, folder: Path, *, settle: float, window: float, say: Callable[[str], None]
) -> dict[str, list[Cost]]:
    """Measure the clients in turns, in an order that moves on by one each round."""
    costs_of: dict[str, list[Cost]] = {name: [] for name in names}
    with nginx(folder / "nginx") as port:
        for turn in range(rounds):
            first = turn % len(names)
            for name in (*names[first:], *names[:first]):
                at = folder / f"{turn}-{list(CLIENTS).index(name)}"
                cost = measure(CLIENTS[name], port, at, settle=settle, window=window)
                costs_of[name].append(cost)
                say(f"cost, round {turn + 1} of {rounds}: {name} {cost.microseconds:.1f} us, {cost.rate:,.0f}/s")
    return costs_of


def ratio(costs: Sequence[Cost], others: Sequence[Cost]) -> float:
    """Return the median over the rounds of one client's CPU time per request over another's in the same round."""
    return statistics.median(a.microseconds / b.microseconds for a, b in zip(costs, others, strict=True))


def table(costs_of: dict[str, list[Cost]], left_out: dict[str, str]) -> list[str]:
    """Return the rows of all clients."""
    lines = [
        "| client | CPU per request, us (least to most) | of wrk's | of hey's | requests/s a core | requests/s here |",
        "|---|---|---|---|---|---|",
    ]
    for name in CLIENTS:
        costs = costs_of.get(name)
        if not costs:
            lines.append(f"| {name} | missing: {left_out.get(name, 'left out')} | | | | |")
            continue
        each = [cost.microseconds for cost in costs]
        middle = statistics.median(each)
        other = WRK_ANOTHER if name == OURS_ANOTHER else WRK
        ratios = [f"{ratio(costs, costs_of[peer]):.2f}" if costs_of.get(peer) else "" for peer in (other, HEY)]
        rate = statistics.median(cost.rate for cost in costs)
        lines.append(
            f"| {name} | {middle:.1f} ({min(each):.1f} to {max(each):.1f}) | {ratios[0]} | {ratios[1]} "
            f"| {1e6 / middle:,.0f} | {rate:,.0f} |"
        )
    if costs_of.get(OPEN) and costs_of.get(VEGETA_OPEN):
        times = ratio(costs_of[OPEN], costs_of[VEGETA_OPEN])
        lines += ["", f"In an open loop of {OPEN_RATE:,}/s a request takes {times:.2f} times what it takes vegeta."]
    return lines
