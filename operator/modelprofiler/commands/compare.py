"""``modelprofiler compare``: whether a new version became more expensive."""

from __future__ import annotations

import argparse

from modelprofiler.errors import InvalidInput, Problem


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("old", metavar="OLD", help="a run: NAME, FILE or DIR as for `report`")
    parser.add_argument("new", metavar="NEW", help="another one")
    parser.add_argument("-n", "--namespace", help="of profiles in the cluster; default: that of the kubeconfig")
    parser.add_argument("--max-increase", default="10%", metavar="PERCENT", help="the most that is accepted (10%%)")
    parser.epilog = (
        "The exit code is 1 when the recommended CPU or memory, CPU time of a request or peak of memory grew by more,\n"
        "or the new run has no recommendation. Latency is shown: it met its objective at either size.\n\n"
        "example:\n  modelprofiler compare baseline.json ./digits-run --max-increase 15%"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the table; say by the exit code whether anything grew too much."""
    from modelprofiler.commands import target
    from modelprofiler.report.compare import compare, render

    most = _percent(arguments.max_increase)
    changes = compare(*(target.resolve(name, arguments.namespace) for name in (arguments.old, arguments.new)))
    print(render(changes, most))
    return 1 if any(change.exceeds(most) for change in changes) else 0


def _percent(text: str) -> float:
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise InvalidInput([Problem("--max-increase", f"{text[:40]!r} is not a percentage; write for example 10%")])
    return value
