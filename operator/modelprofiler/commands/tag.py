"""``modelprofiler tag``: see `modelprofiler.azureml.commands.tag`."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    from modelprofiler.azureml.commands import tag

    tag.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the tags."""
    from modelprofiler.azureml.commands import main

    return main.run(arguments)
