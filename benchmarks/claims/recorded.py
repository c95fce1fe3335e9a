"""Prove every sentence about recorded runs, such as those of tests and of users, from their trials.

    python -m benchmarks.claims.recorded modelprofiler-runs/digits

Each argument is the directory of a run on this machine, or a ModelProfile as JSON, as kubectl prints it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.claims.facts import Facts
from benchmarks.claims.language import Reader
from benchmarks.claims.telling import FORMS, OF_TRIALS, quotable

from modelprofiler.api.conditions import ConditionType
from modelprofiler.api.resource import ModelProfile
from modelprofiler.core.axis import Limits
from modelprofiler.core.steps import Environment
from modelprofiler.report.record import RunRecord


def unproved(profile: ModelProfile, environment: Environment) -> list[str]:
    """Return a line for each clause of a finished run's status that its trials do not show.

    Parameters
    ----------
    profile
        The profile with its status.
    environment
        Where it has run.
    """
    status = profile.status
    if status.resources is None:
        return []  # it was refused before its first trial
    recommendation = status.recommendations[0] if status.recommendations else None
    facts = Facts(
        profile.spec,
        status.resources,
        status.trials,
        size=Limits.from_size(recommendation.requests) if recommendation is not None else None,
        environment=environment,
        quotable=quotable(status.trials),
    )
    lines = []
    for trial in status.trials:
        if trial.judged is not None:
            problems = Reader(facts, OF_TRIALS).unproved(trial.message, (trial.index,))
            lines += [f"message of trial {trial.index}: {problem}" for problem in problems]
    stated = {c.type.value: c.message for c in status.conditions if c.type is ConditionType.SUCCEEDED}
    if recommendation is not None:
        stated["explanation"] = recommendation.explanation
    return lines + [f"{where}: {p}" for where, text in stated.items() for p in Reader(facts, FORMS).unproved(text)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the runs that the arguments name."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.claims.recorded",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="directory of a run, or a file of JSON")
    parser.add_argument("--cluster", action="store_true", help="they have run in a cluster")
    options = parser.parse_args(arguments)
    environment: Environment = "Cluster" if options.cluster else "Local"
    lines = [f"{path}: {line}" for path in options.runs for line in unproved(RunRecord.read(path).profile, environment)]
    print(*lines, sep="\n", file=sys.stderr)
    print(f"{len(options.runs)} runs, {len(lines)} clauses without proof")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
