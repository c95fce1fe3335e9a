"""Profile servers that leak and servers whose memory settles, and print which of them are called what they are.

Each is a real program under a real load, in a whole run on this machine. Prints Markdown; --write puts it into
docs/benchmarks.md. Servers in Go and Java and the one with jemalloc are left out where these are missing.

    make bench PART=soak
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from benchmarks.publish import replace

import modelprofiler
from modelprofiler.report.result import Result

HERE = Path(__file__).parent
JEMALLOC = Path("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2")
PORT = 5190
HEAD = "| server | right | answer | memory | soaks | trials | wall |\n|---|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Case:
    """A server and whether its memory grows without end.

    Attributes
    ----------
    name
        As the table names it.
    command
        Its command, without the port.
    leaks
        Whether it does.
    tail
        Arguments after the port.
    env
        Its environment.
    closed
        Whether the load is a closed loop.
    """

    name: str
    command: list[str]
    leaks: bool
    tail: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    closed: bool = False


def python(name: str, *, leaks: bool, env: dict[str, str] | None = None, closed: bool = False) -> Case:
    """Return a case of server.py; its name is the habit."""
    title = f"{name}{', jemalloc' if env else ''}{', closed loop' if closed else ''}"
    return Case(title, [sys.executable, str(HERE / "server.py")], leaks, name.split(), env or {}, closed)


def cases(built: Path) -> list[Case]:
    """Return the cases that this machine can run; programs are built into a folder."""
    some = [python(f"leak {kib}", leaks=True) for kib in (10, 100, 1024)]
    some += [python("leak 30", leaks=True, closed=True)]
    names = ("cache 40 400", "cache 60 2000", "recycled 256 120", "recycled 64 1000", "history 30 1500", "arenas 2048")
    some += [python(name, leaks=False) for name in (*names, "nothing")]
    some += [python("nothing", leaks=False, closed=True)]
    if JEMALLOC.exists():
        some.append(python("arenas 2048", leaks=False, env={"LD_PRELOAD": str(JEMALLOC)}))
    if shutil.which("go"):
        subprocess.run(["go", "build", "-o", built / "server", HERE / "server.go"], check=True, timeout=300)
        some.append(Case("Go, keeps nothing", [str(built / "server")], leaks=False))
    if shutil.which("javac"):
        subprocess.run(["javac", "-d", built, HERE / "Server.java"], check=True, timeout=300)
        some.append(Case("JVM, keeps nothing", ["java", "-cp", str(built), "Server"], leaks=False))
    return some


def profile(case: Case, soak: str) -> dict[str, Any]:
    """Return the profile of a case: 40 requests/s, up to 1Gi of memory."""
    container = {
        "name": "server",
        "image": "none",
        "command": [*case.command, str(PORT), *case.tail],
        "env": [{"name": name, "value": value} for name, value in case.env.items()],
    }
    load: dict[str, Any] = {"closedLoop": {"concurrency": 2}} if case.closed else {"openLoop": {"rate": "40"}}
    spec = {
        "server": {"template": {"spec": {"containers": [container]}}},
        "endpoint": {"http": {"port": PORT, "path": "/predict", "timeout": "10s"}},
        "dataset": {"source": {"inline": "\n".join(f'{{"row": {number}, "x": "abc"}}' for number in range(40))}},
        "load": {**load, "warmup": "2s", "duration": "10s"},
        "objectives": {"latency": {"p95": "5s"}},
        "resources": {"cpu": {"values": ["500m", "1"]}, "memory": {"min": "32Mi", "max": "1Gi", "step": "16Mi"}},
        "search": {"maxTrials": 12, "deadline": "1h", "soak": soak},
    }
    head = {"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": "soak"}}
    return head | {"spec": spec}


def is_right(case: Case, result: Result) -> bool:
    """Whether a leak is not verified, and a server that does not leak is."""
    return (result.reason in ("MemoryGrows", "NoFeasibleSize")) if case.leaks else result.reason == "Verified"


def row(case: Case, result: Result, seconds: float) -> str:
    """Return the row of a case."""
    memory = result.recommendation.limits.memory if result.recommendation is not None else "-"
    soaks = [f"{t.load.duration}" for t in result.trials if t.purpose.value == "Soak" and t.load is not None]
    right = "yes" if is_right(case, result) else "**no**"
    return (
        f"| {case.name} | {right} | {result.reason} | {memory} | {', '.join(soaks) or '-'} | {len(result.trials)} "
        f"| {seconds:.0f} s |"
    )


def main() -> int:
    """Run the cases; return 1 where one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    parser.add_argument("--soak", default="3m", help="search.soak of the profiles (default: 3m)")
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    arguments = parser.parse_args()
    rows, wrong = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(Path(folder)):
            if arguments.only not in case.name:
                continue
            file = Path(folder) / "profile.yaml"
            file.write_text(yaml.safe_dump(profile(case, arguments.soak)), encoding="utf-8")
            began = time.monotonic()
            with tempfile.TemporaryDirectory() as directory:
                result = modelprofiler.run(file, directory=Path(directory) / "run", wait_seconds=600)
                rows.append(row(case, result, time.monotonic() - began))
            wrong += not is_right(case, result)
            print(rows[-1], file=sys.stderr, flush=True)
            print(f"    {result.message}", file=sys.stderr, flush=True)
    text = "\n".join([HEAD, *rows])
    print(text)
    if arguments.write:
        replace("soak", text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
