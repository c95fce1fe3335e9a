"""``modelprofiler run``: measure on this machine what a cluster would measure."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from modelprofiler.commands import options

if TYPE_CHECKING:
    from modelprofiler.report.record import RunRecord

EXIT_OK, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130
PAGE_FILE = "report.html"

EPILOG = """\
The file is the one that kubectl takes: a ModelProfile and the ConfigMaps it names. What is measured is kept in a
directory; `modelprofiler report DIRECTORY` shows it again, --resume goes on from it.

exit code: 0 there is a recommendation, 1 no size meets the objectives or the run failed, 2 bad input, 130 interrupted

examples:
  modelprofiler run examples/digits.yaml
  modelprofiler run profile.yaml --rate 80 --cpu 100m:2:50m --latency p95=100ms
  modelprofiler run profile.yaml --output json | jq '.status.recommendations[0].limits'"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the file, what is said instead of it, and where the run is kept."""
    options.add_file(parser)
    parser.add_argument(
        "--directory", type=Path, metavar="DIR", help="where the run is kept (default: modelprofiler-runs/NAME)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the finished trials of an interrupted run")
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="wait so long for another run on this machine to end"
    )
    parser.add_argument(
        "--output",
        choices=("text", "json", "yaml"),
        default="text",
        help="what is printed at the end: the report, or the finished ModelProfile with its status",
    )
    parser.add_argument("--plain", action="store_true", help="lines instead of a live table, also in a terminal")
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Run a profile to its end and print the result."""
    from modelprofiler.host.scope import enter_scope
    from modelprofiler.local.session import Options, Session
    from modelprofiler.local.view import view_of
    from modelprofiler.report.page import render as render_page
    from modelprofiler.report.record import PROFILE_FILE

    enter_scope([sys.executable, "-m", "modelprofiler", *sys.argv[1:]])
    document = options.document(arguments)
    how = Options(directory=arguments.directory, resume=arguments.resume, wait_seconds=arguments.wait)
    directory = how.directory_of(document.profile.metadata.name)
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # the terminal was closed; nohup ignores that
        signal.signal(signal.SIGHUP, _interrupt)
    view = view_of(document.profile, plain=arguments.plain)
    session = Session(document, how, view)
    try:
        with closing(view):
            record = session.run(view.refresh)
            if arguments.output == "text" and sys.stdout.isatty():
                view.clear()  # the report has the same table, in full
    except KeyboardInterrupt:
        kept = (directory / PROFILE_FILE).exists()
        then = f"--resume goes on from the finished trials in {directory}" if kept else "nothing was measured yet"
        print(f"modelprofiler: interrupted; {then}", file=sys.stderr)
        return EXIT_INTERRUPTED
    (directory / PAGE_FILE).write_text(render_page(record), encoding="utf-8")
    _print(record, arguments.output, directory)
    return EXIT_OK if record.profile.status.recommendations else EXIT_FAILED


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
        print(f"\nThe page with figures: {directory / PAGE_FILE}")
