"""Run the search against the truth and against its peers; print the table, or write it into docs/benchmarks.md.

`make bench-search` runs all of it, `make bench-search-quick` a small part in under a minute.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence

from benchmarks import publish
from benchmarks.search.bayes import available, bayesian
from benchmarks.search.families import COARSE, FINE, Space
from benchmarks.search.peers import PEERS
from benchmarks.search.runs import Case, cases, run_adaptive, run_peer
from benchmarks.search.score import HEAD, Score, row

ADAPTIVE = "Adaptive"
BAYES = "Bayesian (Optuna GP)"
SPREADS = (0.0, 0.05, 0.2)
QUICK_SERVICES, QUICK_REQUESTS = 52, 600
BAYES_SERVICES = 30
"""The Gaussian process takes half a second a trial: so many services are enough to tell."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--services", type=int, default=1000, help="services for each space (default: 1000)")
    parser.add_argument("--quick", action="store_true", help="52 services on 720 sizes, without Bayesian optimisation")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    given = parser.parse_args(arguments)
    if given.services < 1:
        parser.error("--services must be at least 1")
    started = time.monotonic()
    if given.quick:
        found = run(COARSE, QUICK_SERVICES, bayes=False, requests=QUICK_REQUESTS)
        print("\n".join(table(COARSE, found, "left out of a quick run")))
        failed = problems(found)
        print("\n".join(failed or ["The search leads as it should."]))
        return 1 if failed else 0
    text = []
    for space in (COARSE, FINE):
        found = run(space, given.services, bayes=available() is None)
        text += table(space, found, available() or "")
    print(f"took {time.monotonic() - started:.0f} s", file=sys.stderr)
    if given.write:
        publish.replace("search", "\n".join(text))
    print("\n".join(text))
    return 0


def problems(found: Sequence[Case]) -> list[str]:
    """Return a sentence for every bound that a quick run breaks: wide ones, on ratios, that chance does not reach."""
    able = {name: [s for s in _scores(found, name, 0.0) if s.feasible] for name in (ADAPTIVE, *PEERS)}
    trials = {name: statistics.median(s.trials for s in scores) for name, scores in able.items()}
    right = {name: sum(s.right for s in scores) / len(scores) for name, scores in able.items()}
    near = sum(s.near for s in able[ADAPTIVE]) / len(able[ADAPTIVE])
    bounds = {
        "finds a feasible size in at least 95 % of the services": right[ADAPTIVE] >= 0.95,
        "is within one step of the optimum in at least 90 %": near >= 0.9,
        "takes less than half the trials of hill climbing": trials[ADAPTIVE] < trials["hill climbing"] / 2,
        "takes less than a fiftieth of the trials of a full grid": trials[ADAPTIVE] < trials["full grid"] / 50,
        "is feasible more often than the VPA rule, by a fifth": right[ADAPTIVE] > 1.2 * right["VPA rule"],
        "is feasible more often than the KRR rule, by a fifth": right[ADAPTIVE] > 1.2 * right["KRR rule"],
    }
    return [f"No longer so: the search {bound}." for bound, holds in bounds.items() if not holds]


def run(space: Space, count: int, *, bayes: bool, requests: int = 1500) -> list[Case]:
    """Run every search on that many services."""
    found: list[Case] = []
    for case in cases(space, count, requests):
        for spread in SPREADS:
            case.scores[ADAPTIVE, spread] = run_adaptive(case, spread)
        budget = case.scores[ADAPTIVE, 0.0].trials
        for name, peer in PEERS.items():
            case.scores[name, 0.0] = run_peer(case, name, peer, budget)
        if bayes and len(found) < BAYES_SERVICES:
            case.scores[BAYES, 0.0] = run_peer(case, BAYES, bayesian, budget)
        case.simulation.service.forget()
        found.append(case)
        if sys.stderr.isatty():
            print(f"\r{space.sizes} sizes: {len(found)} of {count}", end="", file=sys.stderr)
    return found


def table(space: Space, found: Sequence[Case], missing: str) -> list[str]:
    """Return the table of one space; `missing` says why there is no Bayesian optimisation."""
    lines = ["", f"### {space.sizes:,} sizes: {space.cpus} of CPU, {space.memories} of memory", "", HEAD]
    lines += [row(ADAPTIVE, f"{100 * spread:g} %", _scores(found, ADAPTIVE, spread)) for spread in SPREADS]
    held_out = [case for case in found if case.held_out]
    lines.append(row(f"{ADAPTIVE}, held-out families", "0 %", _scores(held_out, ADAPTIVE, 0.0)))
    lines += [row(name, "0 %", _scores(found, name, 0.0)) for name in PEERS]
    if scores := _scores(found, BAYES, 0.0):
        lines.append(row(BAYES, "0 %", scores))
    else:
        lines.append(f"| {BAYES} | not run: {missing} |" + " |" * 7)
    return lines


def _scores(found: Sequence[Case], name: str, spread: float) -> list[Score]:
    return [case.scores[name, spread] for case in found if (name, spread) in case.scores]


if __name__ == "__main__":
    sys.exit(main())
