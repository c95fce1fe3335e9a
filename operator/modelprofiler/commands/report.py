"""``modelprofiler report``: a run as text, one JSON document, or one HTML page."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys

from modelprofiler.commands import target


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    target.add(parser)
    parser.add_argument(
        "-o", "--output", choices=("text", "json", "html"), default="text", help="format (default: text)"
    )
    parser.add_argument("-f", "--file", metavar="FILE", help="file to write (default: standard output)")
    parser.epilog = (
        "examples:\n"
        "  modelprofiler report digits -n team                       # a profile of the cluster\n"
        "  modelprofiler report ./digits-run -o html --file digits.html"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the report."""
    record = target.resolve(arguments.run, arguments.namespace)
    if arguments.output == "json":
        from modelprofiler.report.document import document

        text = json.dumps(document(record), indent=1, ensure_ascii=False) + "\n"
    elif arguments.output == "html":
        from modelprofiler.report.page import render as render_page

        text = render_page(record)
    else:
        from modelprofiler.report.text import render

        on_screen = arguments.file is None and sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if on_screen else 120
        text = render(record, width, color=on_screen and not os.environ.get("NO_COLOR"))
    target.write(text, arguments.file, utf8=arguments.output != "text")
    return 0
