"""Experiments, which are not supported."""

from __future__ import annotations

from modelprofiler.azureml.core.unsupported import Unsupported


class Experiment(metaclass=Unsupported):
    """A group of training runs."""

    instead = "training runs are not kept here; track them with MLflow, and register the model that comes out"
