"""Compare the search with the truth and with other methods; print the table, or write it into docs/benchmarks.md.

`make bench PART=search` runs all of it, `make bench PART=search-quick` a small part in under a minute.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence

from benchmarks import publish
from benchmarks.arguments import count
from benchmarks.search.bayes import missing
from benchmarks.search.families import COARSE, FAMILIES, FINE, Space
from benchmarks.search.peers import FULL_GRID, PEERS
from benchmarks.search.runs import ADAPTIVE, BAYES, SPREADS, WARM_BAYES, Case, Job, evaluate
from benchmarks.search.score import HEAD, Score, row

QUICK_SERVICES, QUICK_REQUESTS = 2 * len(FAMILIES), 600
BAYES_SERVICES = len(FAMILIES)
"""The Gaussian process takes half a second a trial: one service of each family, in the small space."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument(
        "--services", type=count(1, 100_000), default=1000, help="services for each space (default: 1000)"
    )
    parser.add_argument(
        "--first",
        type=count(0, 100_000_000),
        default=0,
        help="number of the first service: others than those published, and not written",
    )
    parser.add_argument(
        "--quick", action="store_true", help="two services of each family on 720 sizes, without Bayesian optimisation"
    )
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    if options.quick and options.write:
        parser.error("--quick is too small a part to be written into the documentation")
    started = time.monotonic()
    if options.quick:
        numbers = range(options.first, options.first + QUICK_SERVICES)
        jobs = [Job(COARSE, number, QUICK_REQUESTS, peer_spreads=(0.0,)) for number in numbers]
        cases = run(jobs)
        print("\n".join(table(COARSE, cases, "left out of a quick run")))
        failed = problems(cases)
        print("\n".join(failed or ["The search leads as it should."]))
        return 1 if failed else 0
    text = []
    absent = missing()
    for space in (COARSE, FINE):
        bayes = options.first if absent or space != COARSE else options.first + BAYES_SERVICES
        numbers = range(options.first, options.first + options.services)
        cases = run([Job(space, number, bayes=number < bayes) for number in numbers])
        text += table(space, cases, absent or "" if space == COARSE else "")
    print(f"took {time.monotonic() - started:.0f} s", file=sys.stderr)
    if options.write and not options.first:
        publish.replace("search", "\n".join(text))
    print("\n".join(text))
    return 0


def run(jobs: Sequence[Job]) -> list[Case]:
    """Run every search on these services, and say how far it is."""
    cases: list[Case] = []
    often = 1 if sys.stderr.isatty() else 200
    for case in evaluate(jobs):
        cases.append(case)
        if len(cases) % often == 0:
            print(
                f"{jobs[0].space.sizes} sizes: {len(cases)} of {len(jobs)}",
                end="\r" if often == 1 else "\n",
                file=sys.stderr,
                flush=True,
            )
    return cases


def problems(cases: Sequence[Case]) -> list[str]:
    """Return a sentence for every bound that a quick run breaks: wide ones, on ratios, that chance does not reach."""
    able = {name: [s for s in _scores(cases, name, 0.0) if s.feasible] for name in (ADAPTIVE, *PEERS)}
    trials = {name: statistics.median(s.trials for s in scores) for name, scores in able.items()}
    right = {name: sum(s.right for s in scores) / len(scores) for name, scores in able.items()}
    near = sum(s.near for s in able[ADAPTIVE]) / len(able[ADAPTIVE])
    noisy = [s.right for s in _scores(cases, ADAPTIVE, SPREADS[-1]) if s.feasible]
    bounds = {
        "finds a feasible size in at least 95 % of the services": right[ADAPTIVE] >= 0.95,
        "finds one in at least 90 % where runs differ by a fifth": sum(noisy) / len(noisy) >= 0.9,
        "is within one step of the optimum in at least 90 %": near >= 0.9,
        "takes less than half the trials of hill climbing": trials[ADAPTIVE] < trials["hill climbing"] / 2,
        "takes less than a fiftieth of the trials of a full grid": trials[ADAPTIVE] < trials[FULL_GRID] / 50,
        "is feasible more often than the VPA rule, by a fifth": right[ADAPTIVE] > 1.2 * right["VPA rule"],
        "is feasible more often than the KRR rule, by a fifth": right[ADAPTIVE] > 1.2 * right["KRR rule"],
    }
    return [f"No longer so: the search {bound}." for bound, holds in bounds.items() if not holds]


def table(space: Space, cases: Sequence[Case], absent: str) -> list[str]:
    """Return the table of one space; `absent` says why there is no Bayesian optimisation."""
    lines = ["", f"### {space.sizes:,} sizes: {space.cpus} of CPU, {space.memories} of memory", "", HEAD]
    held_out = [case for case in cases if case.held_out]
    with_bayes = [case for case in cases if (BAYES, 0.0) in case.scores]
    for name, selected, searched in (
        (ADAPTIVE, cases, ADAPTIVE),
        (f"{ADAPTIVE}, held-out families", held_out, ADAPTIVE),
        *((name, cases, name) for name in (*PEERS, BAYES, WARM_BAYES)),
        (f"{ADAPTIVE}, the services of Bayesian", with_bayes, ADAPTIVE),
    ):
        scores = [(spread, _scores(selected, searched, spread)) for spread in SPREADS]
        lines += [row(name, f"{100 * spread:g} %", some) for spread, some in scores if some]
    if absent:
        lines.append(f"| {BAYES} | not run: {absent} |" + " |" * 7)
    return lines


def _scores(cases: Sequence[Case], name: str, spread: float) -> list[Score]:
    return [case.scores[name, spread] for case in cases if (name, spread) in case.scores]


if __name__ == "__main__":
    sys.exit(main())
