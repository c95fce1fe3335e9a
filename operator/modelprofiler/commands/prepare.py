"""``modelprofiler prepare``: what a prepare pod runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

TERMINATION_LOG = "/dev/termination-log"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="JSON file that lists what to read")
    parser.add_argument(
        "--result",
        type=Path,
        default=Path(TERMINATION_LOG),
        metavar="FILE",
        help="file for the result (default: %(default)s)",
    )
    parser.epilog = "example:\n  modelprofiler prepare --config prepare.json --result result.json"


def run(arguments: argparse.Namespace) -> int:
    """Read the sources; return 0 whenever a result was written, whatever it says."""
    from modelprofiler.files.inspect import PrepareConfig, prepare

    result = prepare(PrepareConfig.read(arguments.config))
    try:
        arguments.result.write_text(result.encode(), encoding="utf-8")
    except OSError as e:
        print(f"modelprofiler: the result cannot be written to {arguments.result}: {e.strerror}", file=sys.stderr)
        return 1
    for problem in result.problems:
        print(f"{problem.path}: {problem.message}")
    return 0
