"""``modelprofiler plan``: what a run would do and how long it may take."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from modelprofiler.commands import options

if TYPE_CHECKING:
    from modelprofiler.api.quantities import Quantity
    from modelprofiler.files.document import Document
    from modelprofiler.local.plan import PercentileNeed, RunPlan


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the file, the flags over it, and the form of the answer."""
    parser.description = "Say what a run on this machine would do and how long it may take; nothing is started."
    options.add_file(parser)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default: text")
    parser.epilog = "example:\n  modelprofiler plan profile.yaml --rate 20 --cpu 100m:2:100m"


def run(arguments: argparse.Namespace) -> int:
    """Print the plan; everything that keeps it from being run is a problem."""
    from modelprofiler.errors import InvalidInput
    from modelprofiler.host.cpus import available_cpus, same_core
    from modelprofiler.local.check import examine
    from modelprofiler.local.plan import plan

    document = options.document(arguments)
    examined = examine(document)
    if examined.problems:
        raise InvalidInput(list(examined.problems))
    assert examined.resources is not None, "there are no problems"
    assert examined.inputs is not None, "there are no problems"
    planned = plan(document.profile.spec, examined.resources, available_cpus(), same_core())
    if arguments.output == "json":
        data = as_data(document, planned)
        data["dataset"] = examined.inputs.dataset.to_dict()
        data["resources"] = examined.resources.to_dict()
        data["warnings"] = list(examined.warnings)
        print(json.dumps(data, indent=1, ensure_ascii=False))
        return 0
    print("\n".join(sentences(document, planned)))
    rows = examined.inputs.dataset.rows
    print(f"dataset     {rows} rows, {examined.inputs.dataset.distinct_rows} of them different")
    for warning in examined.warnings:
        print(f"note: {warning}", file=sys.stderr)
    return 0


def as_data(document: Document, planned: RunPlan) -> dict[str, Any]:
    """Return a plan as JSON data; times in seconds."""
    from dataclasses import asdict

    data = asdict(planned)
    data["reference"] = planned.reference.to_size().to_dict()
    data["smallest"] = planned.smallest.to_size().to_dict()
    for need, given in zip(data["percentiles"], planned.percentiles, strict=True):
        need["enough"] = given.enough
    return {"name": document.profile.metadata.name, **data}


def sentences(document: Document, planned: RunPlan) -> list[str]:
    """Return a plan as lines of text."""
    load = document.profile.spec.load
    arriving = (
        f"{load.open_loop.rate} requests/s ({load.open_loop.arrival})"
        if load.open_loop is not None
        else f"{load.closed_loop.concurrency if load.closed_loop else 0} clients"
    )
    small, large = planned.smallest.to_size(), planned.reference.to_size()
    start = f"warm-up {_time(planned.warmup)}, window {_time(planned.window)} at most"
    longest = f"a trial's load at most {_time(planned.longest_trial)}, all of it at most {_time(planned.longest)}"
    return [
        f"profile     {document.profile.metadata.name}",
        f"reference   the first trial runs at {planned.reference}",
        f"range       {_range(small.cpu, large.cpu, planned.cpu_sizes)} CPU",
        f"            {_range(small.memory, large.memory, planned.memory_sizes)} memory",
        f"trials      at most {planned.most_trials} ({planned.strategy})",
        f"load        {arriving}; {start}, {_time(planned.extended_window)} where it has too few requests",
        *(
            f"{need.metric:11} needs {need.needed:,} requests in a window; {_expected(need)}"
            for need in planned.percentiles
        ),
        f"time        {longest} and the server's starts (deadline {_time(planned.deadline)})",
        "            a window ends as soon as its verdict is certain, so it is mostly far less",
        f"cpus        {planned.sharing}",
    ]


def _expected(need: PercentileNeed) -> str:
    if need.expected is None or need.expected_extended is None:
        return "the clients decide how many there are"
    if need.expected >= need.needed:
        return f"{need.expected:,.0f} expected: enough"
    if need.enough:
        return f"{need.expected:,.0f} expected: the window is extended"
    return f"{need.expected_extended:,.0f} expected even when extended: TOO FEW; raise the rate or load.duration"


def _range(smallest: Quantity | None, largest: Quantity | None, sizes: int) -> str:
    return f"{largest}" if sizes == 1 else f"{sizes:,} sizes from {smallest} to {largest}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s" if rest else ""]
    return " ".join(filter(None, parts)) or "0 s"
