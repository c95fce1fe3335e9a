"""``modelprofiler operator``: what the operator's pod runs."""

from __future__ import annotations

import argparse
import os


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command; its settings are environment variables."""
    parser.description = (
        "Run the operator against the cluster that it runs in, or else the kubeconfig's.\n"
        "It is configured by environment variables MODELPROFILER_*, which the Helm chart sets."
    )
    parser.epilog = "example:\n  KUBECONFIG=~/.kube/config MODELPROFILER_LOG_LEVEL=DEBUG modelprofiler operator"


def run(_: argparse.Namespace) -> int:
    """Run until the process is told to end."""
    from modelprofiler.cluster import handlers
    from modelprofiler.cluster.settings import Settings
    from modelprofiler.cluster.telemetry import logs

    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log_level, settings.log_format)
    handlers.run(settings)
    return 0
