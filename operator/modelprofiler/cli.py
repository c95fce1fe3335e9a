"""The commands.

Each imports what it needs when it runs: a load pod must not wait for the operator's libraries.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from modelprofiler import __version__
from modelprofiler.errors import InvalidInput, ModelProfilerError

EXIT_FAILED, EXIT_BAD_INPUT = 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="modelprofiler",
        description="Find the smallest CPU and memory at which a model server meets its objective.",
        epilog="Profiles are applied with kubectl: kubectl apply -f examples/digits.yaml",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "operator",
        help="run the operator",
        description="Run the operator in the cluster of this pod, or of KUBECONFIG. Settings are environment variables "
        "MODELPROFILER_*; the chart sets them.",
        epilog="example: KUBECONFIG=~/.kube/config MODELPROFILER_LOG_LEVEL=DEBUG modelprofiler operator",
    )
    commands.add_parser(
        "load",
        add_help=False,
        help="replay a dataset against a server: what a load pod runs",
    )
    arguments, rest = parser.parse_known_args(argv)
    if arguments.command == "load":
        from modelprofiler.load.command import main as load

        return load(rest)
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return _operator()
    except InvalidInput as error:
        for problem in error.problems:
            print(f"modelprofiler: {problem}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except ModelProfilerError as error:
        print(f"modelprofiler: {error}", file=sys.stderr)
        return EXIT_FAILED


def _operator() -> int:
    from modelprofiler.cluster import handlers
    from modelprofiler.cluster.settings import Settings

    settings = Settings.from_environment(os.environ)
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stdout
    )
    handlers.run(settings)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
