"""References to data for training runs, which are not supported."""

from __future__ import annotations

from typing import Any

from modelprofiler.azureml.exceptions import UserErrorException


class DataReference:
    """Data that Azure ML put in place for a training run."""

    def __init__(self, *_arguments: Any, **_named: Any) -> None:
        raise UserErrorException(
            "data is not put in place for training runs here; make a dataset of it with "
            "Dataset.Tabular.from_delimited_files((datastore, path))"
        )
