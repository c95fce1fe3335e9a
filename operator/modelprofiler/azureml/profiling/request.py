"""The request of a caller: Azure ML's checks in their order, and the load and objective with their defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from modelprofiler.azureml.data.column_types import ColumnType
from modelprofiler.azureml.data.tabular_dataset import TabularDataset
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.bounds import Bounds
from modelprofiler.azureml.workspace_settings import WorkspaceSettings

DEFAULT_CONCURRENCY = 1
"""One client, which sends its next request when the last is answered. The request rate is not known, and every model,
however slow, can answer one request at a time; a fixed rate would overload some models and leave others idle."""

DEFAULT_MAX_SLOWDOWN_PERCENT = 50
"""The 95th percentile of latency may be at most 50 % above that at the largest size. The required latency is not known,
and no bound in milliseconds fits every model. The 95th percentile of a fast model differs by a quarter between two runs
at the same size on an ordinary machine, so a much lower percentage could not be measured; users would notice a much
higher one."""


_FROM_ENVIRONMENT = ("rate", "latency", "duration", "warmup", "soak")


@dataclass(frozen=True)
class Options:
    """Options that Azure ML did not have.

    Attributes
    ----------
    rate
        Requests per second. They arrive at random times, whether or not the server keeps up.
    concurrency
        Instead of a rate, the number of clients that each send a request when their last is answered.
    latency
        Upper bounds such as ``{"p95": "250ms"}``, of mean, p50, p90, p95, p99, p999 or max.
    max_slowdown_percent
        Instead of a latency, by how much the 95th percentile may be above that at the largest size.
    duration, warmup
        The longest window of a trial, and the load before the window, such as ``30s``.
    soak
        The longest run that watches memory which seems to grow, such as ``3m``; ``0s`` for none.
    deadline
        How long the run may take, such as ``1h``.
    auto_tag
        Whether to write the recommendation to the models' tags when the run has succeeded.
    """

    rate: float | str | None = None
    concurrency: int | None = None
    latency: Mapping[str, str] | None = None
    max_slowdown_percent: float | None = None
    duration: str | None = None
    warmup: str | None = None
    soak: str | None = None
    deadline: str | None = None
    auto_tag: bool = False

    def or_of(self, environment: Mapping[str, str]) -> Options:
        """Return the options with those of the environment variables where the call does not set them.

        The variables are MODELPROFILER_PROFILE_RATE, _LATENCY (``p95=250ms``, several separated by commas), _DURATION,
        _WARMUP and _SOAK. They are for scripts that must run unchanged.

        Raises
        ------
        UserErrorException
            When MODELPROFILER_PROFILE_LATENCY cannot be parsed.
        """
        variables = {name: environment.get(f"MODELPROFILER_PROFILE_{name.upper()}") for name in _FROM_ENVIRONMENT}
        latency, rate = self.latency, self.rate
        if latency is None and self.max_slowdown_percent is None and variables["latency"]:
            pairs = [part.partition("=") for part in variables["latency"].split(",")]
            if any(not metric or not bound for metric, _, bound in pairs):
                raise UserErrorException(
                    f"MODELPROFILER_PROFILE_LATENCY is METRIC=DURATION, such as p95=250ms, not {variables['latency']!r}"
                )
            latency = {metric.strip(): bound.strip() for metric, _, bound in pairs}
        if rate is None and self.concurrency is None:
            rate = variables["rate"] or None
        return replace(
            self,
            rate=rate,
            latency=latency,
            duration=self.duration or variables["duration"] or None,
            warmup=self.warmup or variables["warmup"] or None,
            soak=self.soak or variables["soak"] or None,
        )

    def check(self) -> None:
        """Refuse options that exclude each other.

        Raises
        ------
        UserErrorException
            When there are two loads or two objectives.
        """
        if self.rate is not None and self.concurrency is not None:
            raise UserErrorException("give rate or concurrency, not both: requests arrive at a rate or from clients")
        if self.latency is not None and self.max_slowdown_percent is not None:
            raise UserErrorException("give latency or max_slowdown_percent, not both")

    def load(self) -> dict[str, Any]:
        """Return spec.load."""
        load: dict[str, Any]
        if self.rate is not None:
            load = {"openLoop": {"rate": str(self.rate)}}
        else:
            load = {"closedLoop": {"concurrency": self.concurrency or DEFAULT_CONCURRENCY}}
        timing = {"duration": self.duration, "warmup": self.warmup}
        return load | {name: value for name, value in timing.items() if value is not None}

    def objectives(self) -> dict[str, Any]:
        """Return spec.objectives."""
        if self.latency is not None:
            return {"latency": dict(self.latency)}
        percent = self.max_slowdown_percent
        return {"maxSlowdownPercent": str(DEFAULT_MAX_SLOWDOWN_PERCENT if percent is None else percent)}

    def search(self) -> dict[str, Any]:
        """Return spec.search."""
        search = {"soak": self.soak, "deadline": self.deadline}
        return {name: value for name, value in search.items() if value is not None}


def check_name_and_size(profile_name: str, cpu: float | None, memory_in_gb: float | None, bounds: Bounds) -> None:
    """Check the name and the largest size, in Azure ML's order.

    Raises
    ------
    UserErrorException
        For an empty name, or a size that is out of bounds.
    """
    if not profile_name:
        raise UserErrorException("profile_name cannot be None or empty.")
    bounds.check_cpu(cpu)
    bounds.check_memory(memory_in_gb)


HOW_TO_DATASET = (
    'write the requests into a file, one per line, and use Dataset.Tabular.from_delimited_files(file, separator="\\n", '
    "header=False)"
)
"""How to make a dataset of requests."""

ONE_REQUEST = (
    "input_dataset is one sample request, sent again and again: a cache of the server would make it look faster "
    f"than it is. For a result that holds for other requests too, {HOW_TO_DATASET}"
)
"""The warning about a sample in place of a dataset."""


def is_sample(dataset: object) -> bool:
    """Return whether a sample request stands in place of the dataset, as in the SDK's first version.

    It is an object or a list in JSON: any other text is more likely the path or the id of a dataset.
    """
    if not isinstance(dataset, str | bytes):
        return False
    try:
        return isinstance(json.loads(dataset), dict | list)
    except (ValueError, RecursionError):
        return False


def requests_of(workspace: WorkspaceSettings, dataset: object) -> list[str]:
    """Return the requests of a dataset, or of a text in its place, after Azure ML's checks in their order.

    Raises
    ------
    UserErrorException
        When there is no dataset, or it is not tabular, does not have exactly one column of strings, or has no rows.
    """
    if dataset is None:
        raise UserErrorException("Dataset not provided. Profiling requires a dataset with sample input data.")
    if is_sample(dataset):
        assert isinstance(dataset, str | bytes)
        text = dataset if isinstance(dataset, str) else dataset.decode(json.detect_encoding(dataset))
        return [_one_line(text.strip().removeprefix("\ufeff"), 1)]
    if isinstance(dataset, str | bytes):
        raise UserErrorException(
            f"input_dataset is a text that is not a JSON object or list ({dataset[:40]!r}); a text must be the body of "
            f"a request. Otherwise {HOW_TO_DATASET}"
        )
    if isinstance(dataset, dict | list):
        raise UserErrorException(
            f"input_dataset is a {type(dataset).__name__}; a sample request is a text: json.dumps(sample). For more "
            f"than one request, {HOW_TO_DATASET}"
        )
    if not isinstance(dataset, TabularDataset):
        raise UserErrorException(
            "Dataset type not supported. Profiling works only with tabular datasets; "
            f"make one with Dataset.Tabular.from_delimited_files. Provided: {type(dataset).__name__}"
        )
    dataset.ensure_saved(workspace)
    table, types = dataset.columns()
    if len(table) > 1:
        columns = ", ".join(f"{name} ({kind})" for name, kind in types.items())
        raise UserErrorException(
            f"Dataset format not supported. Number of columns != 1: {columns}. A row must be the body of one request: "
            r'use separator="\n", or keep_columns'
        )
    for name, kind in types.items():
        if kind is not ColumnType.STRING:
            raise UserErrorException(
                f"Dataset format not supported. Dataset contains datatype other than string: column {name} is {kind}. "
                "A row must be the body of a request; if these are requests, use infer_column_types=False"
            )
    rows = [row for column in table.values() for row in column if row is not None and row.strip()]
    if not rows:
        raise UserErrorException("Empty Dataset. It needs at least one row: the body of a request.")
    return [_one_line(row, number) for number, row in enumerate(rows, 1)]


def _one_line(row: str, number: int) -> str:
    if "\n" not in row and "\r" not in row:
        return row
    try:
        return json.dumps(json.loads(row))
    except ValueError:
        raise UserErrorException(
            f"row {number} of the dataset has line breaks and is not JSON; a request must fit on one line"
        ) from None
