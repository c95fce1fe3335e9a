"""``modelprofiler uncache``: what runs in a server's pod before the server starts."""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file or folder to drop")
    parser.epilog = "example:\n  modelprofiler uncache /models"


def run(arguments: argparse.Namespace) -> int:
    """Drop the files; return 0 also where none could be dropped, since the server has to start all the same."""
    from modelprofiler.host.page_cache import evict

    size = evict(arguments.paths)
    print(f"{-(-size // 2**20)}Mi of files were dropped from the page cache of this node")
    return 0
