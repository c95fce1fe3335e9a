"""Options that several commands share: the file, and the flags that stand over its fields."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelprofiler.files.document import Document
    from modelprofiler.files.overrides import Overrides


def add_file(parser: argparse.ArgumentParser) -> None:
    """Add the file, which of its profiles, and the flags over it."""
    parser.add_argument("file", metavar="FILE", help="a file as kubectl takes it, YAML or JSON; - is standard input")
    add_overrides(parser)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Add which of a file's profiles is meant, and the flags over it."""
    parser.add_argument("--name", help="the ModelProfile, where the file has several")
    flags = parser.add_argument_group("instead of what the file says")
    flags.add_argument("--dataset", metavar="PATH", help="a file with a request body a line")
    flags.add_argument("--rate", metavar="N", help="requests per second (open loop)")
    flags.add_argument("--concurrency", metavar="N", type=int, help="clients (closed loop)")
    flags.add_argument("--warmup", metavar="TIME", help="load before the window, such as 5s")
    flags.add_argument("--duration", metavar="TIME", help="the longest window, such as 30s")
    flags.add_argument("--cpu", metavar="MIN:MAX:STEP", help="such as 100m:1:50m, or values: 250m,500m,1")
    flags.add_argument("--memory", metavar="MIN:MAX:STEP", help="such as 128Mi:1Gi:32Mi, or values: 256Mi,512Mi")
    flags.add_argument(
        "--latency", metavar="METRIC=TIME", action="append", default=[], help="such as p95=250ms; may be repeated"
    )
    flags.add_argument("--max-error-percent", metavar="N", help="the share of requests that may fail")
    flags.add_argument("--port", metavar="N", type=int, help="the port that the server listens on")
    flags.add_argument("--strategy", metavar="NAME", help="Adaptive or Grid")
    flags.add_argument("--max-trials", metavar="N", type=int, help="trials at most")
    flags.add_argument("--repetitions", metavar="N", type=int, help="how often an uncertain size is measured")
    flags.add_argument("--deadline", metavar="TIME", help="how long all of it may take, such as 1h")


def overrides(arguments: argparse.Namespace) -> Overrides:
    """Return the flags that were given."""
    from dataclasses import fields

    from modelprofiler.files.overrides import Overrides

    given = {field.name: getattr(arguments, field.name) for field in fields(Overrides)}
    return Overrides(**{**given, "latency": tuple(arguments.latency)})


def document(arguments: argparse.Namespace) -> Document:
    """Return the file with the flags over it.

    Raises
    ------
    InvalidInput
        With everything that is wrong at once.
    """
    from modelprofiler.files.document import load_document

    return load_document(arguments.file, name=arguments.name, overrides=overrides(arguments))
