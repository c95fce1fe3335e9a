"""``modelprofiler ml``: see `modelprofiler.azureml.command`."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the groups of commands."""
    from modelprofiler.azureml import command

    command.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command of a group."""
    from modelprofiler.azureml import command

    return command.run(arguments)
