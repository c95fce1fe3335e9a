"""Compare the load generator with wrk, hey and others; print the tables, or write them into docs/benchmarks.md.

`make bench PART=load` runs all of it, `make bench PART=load-quick` a small part in under 40 seconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import publish
from benchmarks.load import behaviour, cost, honesty, merging
from benchmarks.load.programs import cores, find, stalling
from benchmarks.load.quick import quick

CANNOT = 3
"""Exit code for a machine that lacks something the benchmark needs."""
STALL_SECONDS, MERGE_SECONDS = 20, 8
LAG_ROUNDS = 7

Say = Callable[[str], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    options = _options(arguments)
    if sys.platform != "linux" or find("taskset") is None:
        print("bench-load: needs Linux with taskset, to keep client and server on a core each", file=sys.stderr)
        return CANNOT
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {line}", file=sys.stderr, flush=True)

    if len(set(cores())) < 2:
        say("there is a single core: client and server share it, and only CPU times mean something")
    with tempfile.TemporaryDirectory(prefix="bench-load-") as folder:
        if options.quick:
            return quick(Path(folder), say)
        if find("nginx") is None:
            print("bench-load: needs nginx, which is not here and could not be fetched", file=sys.stderr)
            return CANNOT
        tables: dict[str, list[str]] = {}
        for name in options.only or PARTS:
            tables |= PARTS[name](Path(folder), options.rounds, say)
    say("done")
    for name, lines in tables.items():
        if options.write:
            publish.replace(name, "\n".join(lines))
        print("\n".join(["", f"### {name}", "", *lines]))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line's options; exit with the usage line when they contradict each other."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="rounds of the cost (default: 5, at most 20)"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=list(PARTS),
        metavar="PART",
        help=f"one of {', '.join(PARTS)}; may be repeated",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a small part; fails when a wide bound on a ratio is broken"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    if not 1 <= options.rounds <= 20:
        parser.error("--rounds must be from 1 to 20")
    if options.quick and (options.write or options.only):
        parser.error("--quick goes with neither --write nor --only: it publishes nothing and has its own parts")
    return options


def _cost(folder: Path, rounds: int, say: Say) -> dict[str, list[str]]:
    missing = cost.missing()
    names = [name for name in cost.CLIENTS if name not in missing]
    costs = cost.run(names, rounds, folder, settle=0.7, window=3.0, say=say)
    return {"load-cost": cost.table(costs, missing)}


def _honesty(folder: Path, rounds: int, say: Say) -> dict[str, list[str]]:
    missing = cost.missing()
    with stalling(folder / "stalling", every=honesty.EVERY, stall=honesty.STALL) as port:
        answers = honesty.ask(port, folder, STALL_SECONDS, missing, say)
    timing = honesty.time_sends(folder, LAG_ROUNDS, say)
    return {"load-honesty": honesty.table(answers, missing), "load-timing": honesty.timing_table(timing)}


def _merging(folder: Path, rounds: int, say: Say) -> dict[str, list[str]]:
    with stalling(folder / "merging-server", every=honesty.EVERY, stall=honesty.STALL) as port:
        return {"load-merging": merging.table(merging.run(port, (1, 2, 4), folder, MERGE_SECONDS, say))}


def _behaviour(folder: Path, rounds: int, say: Say) -> dict[str, list[str]]:
    return {"load-behaviour": behaviour.table(behaviour.run(folder / "behaviour", say))}


PARTS: dict[str, Callable[[Path, int, Say], dict[str, list[str]]]] = {
    "cost": _cost,
    "honesty": _honesty,
    "merging": _merging,
    "behaviour": _behaviour,
}
"""The parts by name: each is given a folder, the number of rounds and where to report progress, and returns tables."""


if __name__ == "__main__":
    sys.exit(main())
