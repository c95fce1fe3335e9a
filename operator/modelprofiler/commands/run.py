"""``modelprofiler run``: measure a profile on this machine, as a cluster would."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from modelprofiler.commands import latency, options

if TYPE_CHECKING:
    from modelprofiler.report.record import RunRecord

EXIT_OK, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130
PAGE_FILE = "report.html"

EPILOG = """\
The run and all its measurements are kept in a directory; `modelprofiler report DIR` shows it again.

exit codes:
  0    there is a recommendation
  1    no size meets the objectives, or the run failed
  2    bad input
  130  interrupted; --resume continues the run
With --url there is no recommendation; the latency alone decides:
  0    it meets the objectives
  1    it does not, or it could not be measured

examples:
  modelprofiler run examples/digits.yaml
  modelprofiler run profile.yaml --rate 80 --cpu 100m:2:50m --latency p95=100ms
  modelprofiler run profile.yaml --output json | jq '.status.recommendations[0].limits'
  modelprofiler run --url http://127.0.0.1:8080/score --dataset requests.txt --rate 20 --latency p95=250ms"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the file, the options that override its fields, and where the run is kept."""
    options.add_file(parser, optional=True)
    latency.configure(parser)
    parser.add_argument(
        "--directory", type=Path, metavar="DIR", help="directory that keeps the run (default: modelprofiler-runs/NAME)"
    )
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run after its finished trials")
    parser.add_argument(
        "--wait",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="how long to wait for another run on this machine to end, in seconds (default: 0)",
    )
    parser.add_argument(
        "-o",
        "--output",
        choices=("text", "json", "yaml"),
        default="text",
        help="print the report, or the finished ModelProfile with its status (default: text)",
    )
    parser.add_argument("--plain", action="store_true", help="print lines instead of a live table, even in a terminal")
    parser.epilog = EPILOG


def _seconds(text: str) -> float:
    """Return a finite number of seconds; argparse reports a ValueError as an invalid value of this type."""
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds from 0, not {text!r}")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Run a profile to its end and print the result, or measure one that is already running."""
    if arguments.url is not None:
        _interrupt_at_signals()
        return latency.run(arguments)
    if problems := latency.without_url(arguments):
        from modelprofiler.errors import InvalidInput

        raise InvalidInput(problems)
    from modelprofiler.host.programs import own_command
    from modelprofiler.host.scope import enter_scope
    from modelprofiler.local.session import Options, Session
    from modelprofiler.local.view import view_of
    from modelprofiler.report.page import render as render_page
    from modelprofiler.report.record import PROFILE_FILE

    enter_scope(own_command("modelprofiler", *sys.argv[1:]))
    document = options.document(arguments)
    session_options = Options(directory=arguments.directory, resume=arguments.resume, wait_seconds=arguments.wait)
    directory = session_options.directory_of(document.profile.metadata.name)
    _interrupt_at_signals()
    view = view_of(document.profile, plain=arguments.plain)
    session = Session(document, session_options, view)
    try:
        with closing(view):
            record = session.run(view.refresh)
            if arguments.output == "text" and sys.stdout.isatty():
                view.clear()  # the report has the same table, in full
    except KeyboardInterrupt:
        kept = (directory / PROFILE_FILE).exists()
        consequence = (
            f"--resume continues after the finished trials in {directory}" if kept else "no trial had finished"
        )
        print(f"modelprofiler: interrupted; {consequence}", file=sys.stderr)
        return EXIT_INTERRUPTED
    (directory / PAGE_FILE).write_text(render_page(record), encoding="utf-8")
    _print(record, arguments.output, directory)
    return EXIT_OK if record.profile.status.recommendations else EXIT_FAILED


def _interrupt_at_signals() -> None:
    """Treat the end of the terminal, and being asked to end, as Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup it is ignored
        signal.signal(signal.SIGHUP, _interrupt)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _print(record: RunRecord, output: str, directory: Path) -> None:
    if output == "json":
        print(json.dumps(record.profile.to_dict(), indent=2))
    elif output == "yaml":
        import yaml

        print(yaml.safe_dump(record.profile.to_dict(), sort_keys=False, allow_unicode=True), end="")
    else:
        import shutil

        from modelprofiler.report.text import render

        on_screen = sys.stdout.isatty()
        print(render(record, shutil.get_terminal_size().columns if on_screen else 120, color=on_screen), end="")
        print(f"\nReport with charts: {directory / PAGE_FILE}")
