"""References to data for training runs, which are not supported."""

from __future__ import annotations

from modelprofiler.azureml.unsupported import DATA, Unsupported


class DataReference(metaclass=Unsupported):
    """Data that Azure ML put in place for a training run."""

    instead = DATA
