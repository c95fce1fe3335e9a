"""The settings of training runs, which are not supported."""

from __future__ import annotations

from modelprofiler.azureml.unsupported import TRAINING, Unsupported, stand_ins


class ScriptRunConfig(metaclass=Unsupported):
    """A script and how it is run for training."""

    instead = TRAINING


class ScriptRun(metaclass=Unsupported):
    """A run of a script."""

    instead = TRAINING


__getattr__ = stand_ins(__name__, TRAINING)
