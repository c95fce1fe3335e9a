"""``modelprofiler plan``: what a run would do and how long it may take."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from modelprofiler.commands import options
from modelprofiler.core.text import one_line
from modelprofiler.report.formats import format_duration

if TYPE_CHECKING:
    from modelprofiler.api.quantities import Quantity
    from modelprofiler.files.document import Document
    from modelprofiler.local.plan import PercentileNeed, RunPlan


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the file, the options that override its fields, and the format."""
    parser.description = "Show what a run on this machine would do and how long it may take. Nothing is started."
    options.add_file(parser)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="format (default: text)")
    parser.epilog = "example:\n  modelprofiler plan profile.yaml --rate 20 --cpu 100m:2:100m"


def run(arguments: argparse.Namespace) -> int:
    """Print the plan; what would stop the run is reported as problems."""
    from modelprofiler.core.rows import rows_need
    from modelprofiler.errors import InvalidInput
    from modelprofiler.host.cpus import available_cpus, same_core
    from modelprofiler.local.check import examine, load_notes
    from modelprofiler.local.plan import plan
    from modelprofiler.report.provenance import describe_rows

    document = options.document(arguments)
    examined = examine(document)
    if examined.problems:
        raise InvalidInput(list(examined.problems))
    assert examined.resources is not None, "without problems there are values"
    dataset = examined.inputs.dataset if examined.inputs is not None else None  # it may still have to be downloaded
    need = rows_need(document.profile.spec, dataset) if dataset is not None else None
    planned = plan(document.profile.spec, examined.resources, available_cpus(), same_core())
    if arguments.output == "json":
        data = as_data(document, planned)
        data["dataset"] = None if dataset is None else dataset.to_dict()
        data["rows_expected"] = None if need is None else round(need.expected)
        data["window_for_all_rows"] = None if need is None else need.window
        data["resources"] = examined.resources.to_dict()
        data["warnings"] = list(examined.warnings)
        print(json.dumps(data, indent=1, ensure_ascii=False))
        return 0
    print("\n".join(as_lines(document, planned)))
    if dataset is None:
        print("dataset     its rows are not known before a run begins, which downloads files")
    else:
        print(f"dataset     {describe_rows(dataset)}")
    for sentence in need.sentences if need is not None else []:
        print(f"            {sentence}")
    # The plan has them already.
    shown = load_notes(document.profile.spec, dataset, "Local") if dataset is not None else []
    for warning in (w for w in examined.warnings if w not in shown):
        print(f"note: {one_line(warning)}", file=sys.stderr)
    return 0


def as_data(document: Document, planned: RunPlan) -> dict[str, Any]:
    """Return a plan as JSON data; times in seconds."""
    from dataclasses import asdict

    data = asdict(planned)
    data["reference"] = planned.reference.to_size().to_dict()
    data["smallest"] = planned.smallest.to_size().to_dict()
    for row, need in zip(data["percentiles"], planned.percentiles, strict=True):
        row["enough"] = need.enough
    http = document.profile.spec.endpoint.http
    return {"name": document.profile.metadata.name, **data, "expect": http.expect.to_dict()}


def as_lines(document: Document, planned: RunPlan) -> list[str]:
    """Return a plan as lines of text."""
    from modelprofiler.report.provenance import describe_answers, describe_load

    small, large = planned.smallest.to_size(), planned.reference.to_size()
    windows = f"warm-up {format_duration(planned.warmup)}, then a window of at most {format_duration(planned.window)}"
    answers = describe_answers(document.profile.spec)
    times = f"at most {format_duration(planned.longest)} of load, {format_duration(planned.longest_trial)} in one trial"
    return [
        f"profile     {document.profile.metadata.name}",
        f"first trial {planned.reference}",
        f"range       CPU: {_range(small.cpu, large.cpu, planned.cpu_sizes)}",
        f"            memory: {_range(small.memory, large.memory, planned.memory_sizes)}",
        f"trials      at most {planned.most_trials} ({planned.strategy})",
        f"load        {describe_load(document.profile.spec)}",
        f"            {windows}, extended to {format_duration(planned.extended_window)} where it has too few requests",
        *([f"answers     good with {answers}"] if answers else []),
        *(
            f"{need.metric:11} needs {need.needed:,} requests in a window; {_expected(need)}"
            for need in planned.percentiles
        ),
        f"time        {times}; starts of the server are extra",
        "            usually far less: a window ends as soon as its result is certain",
        f"            {_soaks(planned)}",
        f"            the deadline ends the run after {format_duration(planned.deadline)}",
        f"CPUs        {planned.sharing}",
    ]


def _soaks(planned: RunPlan) -> str:
    """Return what it costs when memory grows in the trials."""
    if not planned.most_soaks:
        return "where memory grows in the trials, the size is not verified: search.soak is 0s"
    longest = format_duration(planned.soak)
    return f"where memory grows in the trials, up to {planned.most_soaks} soaks of at most {longest} each are extra"


def _expected(need: PercentileNeed) -> str:
    if need.expected is None or need.expected_extended is None:
        return "how many there will be depends on the server"
    if need.expected >= need.needed:
        return f"{need.expected:,.0f} are expected: enough"
    if need.enough:
        return f"{need.expected:,.0f} are expected: the window is extended"
    return f"only {need.expected_extended:,.0f} are expected, even when extended: raise the rate or load.duration"


def _range(smallest: Quantity | None, largest: Quantity | None, sizes: int) -> str:
    return f"{largest}" if sizes == 1 else f"{sizes:,} sizes from {smallest} to {largest}"
