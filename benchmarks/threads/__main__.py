"""Measure the effect of thread pools that fit the CPU limit: servers with search.threads None and Auto.

The servers are a BLAS-bound scikit-learn model, a JVM and a Go program. Each runs with the same requests and sizes in
three modes: with the pools that it creates for this machine's CPUs, with those that it would create on a node with
sixteen CPUs, and with `search.threads: Auto`. At each size the modes run one after the other, under the same
conditions. Prints Markdown; --write puts it into docs/benchmarks.md.

    make bench PART=threads
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.publish import replace
from benchmarks.threads import blas, runtimes
from benchmarks.threads.trials import measure, table

from modelprofiler.host.lock import machine_lock

BLAS_SECONDS, RUNTIME_SECONDS = 225, 120


def of_blas() -> str:
    """Measure the model."""
    cases = blas.cases()
    return table(cases, blas.SIZES, measure(cases, blas.SIZES, BLAS_SECONDS))


def of_runtime(name: str) -> str:
    """Measure a runtime; where its compiler is missing or fails, that is what the table says."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            cases = runtimes.cases(name, Path(directory))
        except FileNotFoundError as missing:
            return f"Not measured: there is no {missing.filename} here."
        except subprocess.SubprocessError as failed:
            return f"Not measured: {failed}"
        return table(cases, runtimes.SIZES, measure(cases, runtimes.SIZES, RUNTIME_SECONDS))


def main() -> int:
    """Measure, print the tables, and write them where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.threads", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    with machine_lock("make bench PART=threads", wait_seconds=600, waiting=print):
        model = of_blas()
        others = "\n\n".join(f"### {name}\n\n{of_runtime(name)}" for name in runtimes.RUNTIMES)
    print(f"{model}\n\n{others}")
    if arguments.write:
        replace("threads", model)
        replace("threads-runtimes", others)
    return 0


if __name__ == "__main__":
    sys.exit(main())
