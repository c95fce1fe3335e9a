"""``modelprofiler ml``: see `modelprofiler.azureml.commands.main`."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the groups of commands."""
    from modelprofiler.azureml.commands import main

    main.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command of a group."""
    from modelprofiler.azureml.commands import main

    return main.run(arguments)
