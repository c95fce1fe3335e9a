"""Experiments, which are not supported."""

from __future__ import annotations

from modelprofiler.azureml.unsupported import RUNS, Unsupported


class Experiment(metaclass=Unsupported):
    """A group of training runs."""

    instead = RUNS
