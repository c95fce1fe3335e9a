"""``modelprofiler reader``: what a node reader's pod runs."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from modelprofiler.load.node.serve import PORT

    parser.add_argument(
        "--port", type=int, default=PORT, metavar="PORT", help="port to answer on (default: %(default)s)"
    )
    parser.epilog = "example:\n  modelprofiler reader --port 8079"


def run(arguments: argparse.Namespace) -> int:
    """Answer until the pod is stopped; return 0."""
    import asyncio

    from modelprofiler.load.node.serve import serve

    asyncio.run(serve(arguments.port))
    return 0
