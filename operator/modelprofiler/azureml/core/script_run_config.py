"""The settings of training runs, which are not supported."""

from __future__ import annotations

from modelprofiler.azureml.core.unsupported import Unsupported

INSTEAD = (
    "scripts are not run for training here; run the script itself, register the model that comes out with "
    "Model.register, and put its packages into an Environment"
)


class ScriptRunConfig(metaclass=Unsupported):
    """A script and how it is run for training."""

    instead = INSTEAD


class ScriptRun(metaclass=Unsupported):
    """A run of a script."""

    instead = INSTEAD
