"""Prove every sentence about many simulated runs from their trials; print the table, or write it into the docs.

`make bench PART=claims` reads what 2,000 runs say of themselves, and fails where a sentence is not proved.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from benchmarks import publish
from benchmarks.arguments import count
from benchmarks.claims.runs import Summary, summaries
from benchmarks.claims.worlds import ALL, NOISE


def table(runs: Sequence[Summary]) -> list[str]:
    """Return the table: a row for each level of noise, and how the runs ended."""
    lines = [
        "| noise | runs | with a recommendation | texts read | clauses without proof |",
        "|---|---|---|---|---|",
    ]
    for noise in NOISE:
        some = [run for run in runs if run.noise == noise]
        numbers = (
            len(some),
            sum(r.recommends for r in some),
            sum(r.texts for r in some),
            sum(len(r.wrong) for r in some),
        )
        lines.append(f"| {100 * noise:g} % | {' | '.join(f'{n:,}' for n in numbers)} |")
    reasons = Counter(run.reason for run in runs)
    ends = ", ".join(f"{reason} {number:,}" for reason, number in reasons.most_common())
    return [*lines, "", f"{len(ALL)} families of services. How the runs ended: {ends}."]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=__doc__)
    parser.add_argument("--runs", type=count(1, 1_000_000), default=2000, help="how many runs (default: 2000)")
    parser.add_argument("--first", type=count(0, 1_000_000_000), default=0, help="number of the first run (default: 0)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    runs = []
    for run in summaries(range(options.first, options.first + options.runs)):
        runs.append(run)
        for line in run.wrong:
            print(line, file=sys.stderr, flush=True)
        if len(runs) % 200 == 0:
            print(f"{len(runs)} of {options.runs} runs", file=sys.stderr, flush=True)
    text = "\n".join(table(runs))
    print(text)
    print(f"took {time.monotonic() - started:.0f} s", file=sys.stderr)
    if options.write:
        publish.replace("claims", text)
    return 1 if any(run.wrong for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
