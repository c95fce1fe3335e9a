"""``modelprofiler get``: the profiles in a cluster, as kubectl lists them."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime

from modelprofiler.api.objects import Object
from modelprofiler.commands import target
from modelprofiler.report.formats import printable

HEADINGS = ("NAME", "SUCCEEDED", "REASON", "TRIALS", "CPU", "MEMORY", "P95", "ROWS", "AGE")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="name of a profile (default: every profile of the namespace)"
    )
    target.add_namespace(parser)
    parser.add_argument(
        "-o", "--output", choices=("table", "json", "yaml"), default="table", help="format (default: table)"
    )
    parser.epilog = (
        "examples:\n"
        "  modelprofiler get -n team                   # the profiles of a namespace\n"
        "  modelprofiler get digits -n team -o yaml    # one profile with its status"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what the cluster has."""
    from modelprofiler.cluster.fetch import profiles_of

    target.check_names({"NAME": arguments.name, "--namespace": arguments.namespace})
    profiles = profiles_of(arguments.name, arguments.namespace)
    if arguments.output == "table":
        if not profiles:
            print(
                f"No profiles in the namespace{f' {arguments.namespace}' if arguments.namespace else ''}.",
                file=sys.stderr,
            )
            return 0
        print(table(profiles, datetime.now(UTC)))
        return 0
    data: Object = profiles[0] if arguments.name else {"apiVersion": "v1", "kind": "List", "items": profiles}
    if arguments.output == "json":
        print(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        import yaml

        print(yaml.safe_dump(data, sort_keys=False), end="")
    return 0


def table(profiles: list[Object], now: datetime) -> str:
    """Return one line for each profile, in the columns that kubectl shows."""
    lines = [HEADINGS, *(_row(profile, now) for profile in profiles)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    return "\n".join("   ".join(f"{cell:{w}}" for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _row(profile: Object, now: datetime) -> tuple[str, ...]:
    status = profile.get("status") or {}
    succeeded: Object = next((c for c in status.get("conditions") or [] if c.get("type") == "Succeeded"), {})
    recommendation: Object = next(iter(status.get("recommendations") or []), {})
    requests, verification = recommendation.get("requests") or {}, recommendation.get("verification") or {}
    cells = (
        profile["metadata"].get("name"),
        succeeded.get("status"),
        succeeded.get("reason"),
        status.get("trialsCompleted"),
        requests.get("cpu"),
        requests.get("memory"),
        verification.get("p95"),
        verification.get("rows"),
        _age(profile["metadata"].get("creationTimestamp"), now),
    )
    # A status may be written by others than the operator.
    return tuple("" if cell is None else printable(" ".join(str(cell).split())) for cell in cells)


def _age(created: str | None, now: datetime) -> str | None:
    """Return the age in the largest unit of which it has at least two, as kubectl does."""
    if created is None:
        return None
    seconds = max((now - datetime.fromisoformat(created)).total_seconds(), 0)
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * length:
            return f"{int(seconds // length)}{unit}"
    return f"{int(seconds)}s"
