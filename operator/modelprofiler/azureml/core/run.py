"""Training runs, which are not supported."""

from __future__ import annotations

from typing import Any, NoReturn

from modelprofiler.azureml.core.experiment import Experiment
from modelprofiler.azureml.core.unsupported import Unsupported
from modelprofiler.azureml.exceptions import UserErrorException


class Run(metaclass=Unsupported):
    """A training run."""

    instead = Experiment.instead


def get_run(*_arguments: Any, **_named: Any) -> NoReturn:
    """Refuse: there are no training runs."""
    raise UserErrorException(f"get_run: {Experiment.instead}")
