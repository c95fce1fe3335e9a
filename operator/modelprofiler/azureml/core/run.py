"""Training runs, which are not supported."""

from __future__ import annotations

from modelprofiler.azureml.core.experiment import Experiment
from modelprofiler.azureml.core.unsupported import Unsupported


class Run(metaclass=Unsupported):
    """A training run."""

    instead = Experiment.instead
