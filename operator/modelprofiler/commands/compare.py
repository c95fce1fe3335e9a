"""``modelprofiler compare``: whether a new version became more expensive."""

from __future__ import annotations

import argparse

from modelprofiler.commands import target
from modelprofiler.errors import InvalidInput, Problem


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "old", metavar="OLD", help="a run: name of a profile in the cluster, directory, or file, as for `report`"
    )
    parser.add_argument("new", metavar="NEW", help="the run to compare with it")
    target.add_namespace(parser)
    parser.add_argument(
        "--max-increase", default="10%", metavar="PERCENT", help="largest increase that is accepted (default: 10%%)"
    )
    parser.epilog = (
        "The exit code is 1 when the recommended CPU or memory, the CPU time per request or the memory peak grew by\n"
        "more than --max-increase, or when the new run has no recommendation. Latency is shown but not compared,\n"
        "because each run has an objective for it. What else differs between the runs is listed and does not change\n"
        "the exit code: profile, load, window, objectives, range, dataset, machine, version of modelprofiler.\n\n"
        "example:\n  modelprofiler compare baseline.json ./digits-run --max-increase 15%"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the table; return 1 when anything grew too much."""
    from modelprofiler.report.compare import compare, differences, render

    max_increase = _percent(arguments.max_increase)
    old, new = (target.resolve(name, arguments.namespace) for name in (arguments.old, arguments.new))
    changes = compare(old, new)
    print(render(changes, max_increase, differences(old, new)))
    return 1 if any(change.exceeds(max_increase) for change in changes) else 0


def _percent(text: str) -> float:
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise InvalidInput([Problem("--max-increase", f"{text[:40]!r} is not a percentage; write for example 10%")])
    return value
