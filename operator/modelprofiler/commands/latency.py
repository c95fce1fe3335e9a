"""``modelprofiler run --url``: the latency of a server that somebody else has started, and nothing about its size."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from modelprofiler.commands import options

if TYPE_CHECKING:
    from modelprofiler.errors import Problem
    from modelprofiler.report.latency import LatencyMeasurement

EXIT_MET, EXIT_NOT_MET, EXIT_INTERRUPTED = 0, 1, 130


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options that belong to a running server."""
    group = parser.add_argument_group(
        "measure a running server",
        "Only its latency is measured: the server is neither started nor limited, and no size is recommended. The "
        "requests and objectives come from FILE, or from --dataset, --rate or --concurrency, and --latency.",
    )
    group.add_argument("--url", metavar="URL", help="http or https address of a server that is already running")
    group.add_argument(
        "--ca-bundle",
        type=Path,
        metavar="FILE",
        help="CA certificates (PEM) used to verify an https server (default: those of the system)",
    )
    group.add_argument(
        "--max-requests", type=int, metavar="N", help="requests after which the load ends (default: 1,000,000)"
    )


def without_url(arguments: argparse.Namespace) -> list[Problem]:
    """Return what is wrong with the options of a run that names no running server."""
    from modelprofiler.errors import Problem

    problems = []
    if arguments.file is None:
        problems.append(
            Problem("FILE", "is needed: a file with a ModelProfile; or --url, for a server that is already running")
        )
    for flag, value in (("--ca-bundle", arguments.ca_bundle), ("--max-requests", arguments.max_requests)):
        if value is not None:
            problems.append(Problem(flag, "needs --url: it is about a server that is already running"))
    return problems


def run(arguments: argparse.Namespace) -> int:
    """Measure the server and print what was measured."""
    from modelprofiler.errors import InvalidInput
    from modelprofiler.files.running_server import running_server
    from modelprofiler.host.lock import machine_lock
    from modelprofiler.local.latency import MOST_REQUESTS, LatencySession
    from modelprofiler.report.latency import LATENCY_ONLY, ObjectiveState

    problems = _useless(arguments)
    try:
        server = running_server(
            arguments.url,
            arguments.file,
            options.overrides(arguments),
            name=arguments.name,
            ca_bundle=arguments.ca_bundle,
        )
    except InvalidInput as error:
        raise InvalidInput([*problems, *error.problems]) from error
    session = LatencySession(server, arguments.max_requests or MOST_REQUESTS, _say)
    if problems := [*problems, *session.problems()]:
        raise InvalidInput(problems)
    _say(LATENCY_ONLY)
    try:
        with machine_lock(f"a load on {server.address.origin}", wait_seconds=arguments.wait, waiting=_say):
            measured = session.run()
    except KeyboardInterrupt:
        print("modelprofiler: interrupted; the load has ended, and nothing of it is kept", file=sys.stderr)
        return EXIT_INTERRUPTED
    _print(measured, arguments.output)
    return EXIT_MET if measured.state is ObjectiveState.MET else EXIT_NOT_MET


def _useless(arguments: argparse.Namespace) -> list[Problem]:
    """Return the options that belong to a run with trials."""
    from modelprofiler.errors import Problem

    problems = []
    if arguments.directory is not None:
        message = "has no effect with --url: nothing but the output is kept; write it to a file with --output json"
        problems.append(Problem("--directory", message))
    if arguments.resume:
        problems.append(Problem("--resume", "has no effect with --url: there is a single load, which is not resumed"))
    if arguments.max_requests is not None and arguments.max_requests < 1:
        problems.append(Problem("--max-requests", f"must be at least 1, not {arguments.max_requests}"))
    return problems


def _say(line: str) -> None:
    from modelprofiler.core.text import printable

    print(printable(line), file=sys.stderr, flush=True)


def _print(measured: LatencyMeasurement, output: str) -> None:
    if output == "json":
        print(json.dumps(measured.to_dict(), indent=2))
    elif output == "yaml":
        import yaml

        print(yaml.safe_dump(measured.to_dict(), sort_keys=False, allow_unicode=True), end="")
    else:
        print(measured.to_text(), end="")
