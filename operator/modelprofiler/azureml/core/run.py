"""Training runs, which are not supported."""

from __future__ import annotations

from typing import Any, NoReturn

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.unsupported import RUNS, Unsupported, stand_ins


class Run(metaclass=Unsupported):
    """A training run."""

    instead = RUNS


def get_run(*_arguments: Any, **_named: Any) -> NoReturn:
    """Refuse: there are no training runs."""
    raise UserErrorException(f"get_run: {RUNS}")


__getattr__ = stand_ins(__name__, RUNS)
