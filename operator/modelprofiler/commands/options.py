"""Options that several commands share: the file, and the options that override its fields."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelprofiler.files.document import Document
    from modelprofiler.files.overrides import Overrides

FILE_HELP = "YAML or JSON with a ModelProfile and the ConfigMaps it uses, as for kubectl apply; - for standard input"


def add_file(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the file, the choice among its profiles, and the options that override fields."""
    parser.add_argument("file", metavar="FILE", nargs="?" if optional else None, help=FILE_HELP)
    add_overrides(parser)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Add the choice among a file's profiles, and the options that override fields."""
    parser.add_argument(
        "--name", metavar="NAME", help="which ModelProfile, where a file has several (default: the only one)"
    )
    group = parser.add_argument_group(
        "override fields of the profile", "Each option replaces the field's value in the file."
    )
    group.add_argument("--dataset", metavar="PATH", help="file with one request body per line (spec.dataset)")
    group.add_argument("--rate", metavar="N", help="requests per second, open loop (spec.load.openLoop.rate)")
    group.add_argument(
        "--concurrency", metavar="N", type=int, help="number of clients, closed loop (spec.load.closedLoop)"
    )
    group.add_argument(
        "--warmup", metavar="TIME", help="length of the warm-up before the window, such as 5s (spec.load.warmup)"
    )
    group.add_argument(
        "--duration", metavar="TIME", help="length of the measurement window, such as 30s (spec.load.duration)"
    )
    group.add_argument(
        "--cpu", metavar="MIN:MAX:STEP", help="CPU to search, such as 100m:1:50m; or a list: 250m,500m,1"
    )
    group.add_argument(
        "--memory", metavar="MIN:MAX:STEP", help="memory to search, such as 128Mi:1Gi:32Mi; or a list: 256Mi,512Mi"
    )
    group.add_argument(
        "--latency",
        metavar="METRIC=TIME",
        action="append",
        default=[],
        help="latency objective, such as p95=250ms; may be repeated for other metrics",
    )
    group.add_argument("--max-error-percent", metavar="PERCENT", help="largest share of requests that may fail")
    group.add_argument("--port", metavar="N", type=int, help="port on which the server listens")
    group.add_argument("--path", metavar="PATH", help="path of the requests, with any query string")
    group.add_argument("--method", metavar="METHOD", help="HTTP method of the requests: POST, PUT or GET")
    group.add_argument("--content-type", metavar="TYPE", help="Content-Type header of the requests")
    group.add_argument("--timeout", metavar="TIME", help="time after which a request counts as failed, such as 30s")
    group.add_argument("--strategy", metavar="NAME", help="Adaptive or Grid (every combination of sizes)")
    group.add_argument("--max-trials", metavar="N", type=int, help="largest number of trials")
    group.add_argument(
        "--repetitions",
        metavar="N",
        type=int,
        help="largest number of trials at one size while its result is uncertain",
    )
    group.add_argument("--deadline", metavar="TIME", help="longest duration of the run, such as 1h")


def overrides(arguments: argparse.Namespace) -> Overrides:
    """Return the options that override fields."""
    from dataclasses import fields

    from modelprofiler.files.overrides import Overrides

    values = {field.name: getattr(arguments, field.name) for field in fields(Overrides)}
    return Overrides(**{**values, "latency": tuple(arguments.latency)})


def document(arguments: argparse.Namespace) -> Document:
    """Return the file, its fields overridden by the options.

    Raises
    ------
    InvalidInput
        With every problem of the file and the options.
    """
    from modelprofiler.files.document import load_document

    return load_document(arguments.file, name=arguments.name, overrides=overrides(arguments))
