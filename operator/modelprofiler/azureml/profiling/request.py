"""What is asked for: the original's checks in their order, and the load and objective, with their defaults."""

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
"""One client, which sends its next request when the last is answered: nobody said how often requests come, and one at
a time can be served by every model, however slow, while any rate would be too much for some and nothing for others."""

DEFAULT_MAX_SLOWDOWN_PERCENT = 50
"""The smallest size whose 95th percentile of latency is at most half above that at the largest size: nobody said which
latency is good enough, and a bound in milliseconds would fit no model but its own. The 95th percentile of a fast model
differs by a quarter from one run of the same size to the next on an ordinary machine, so that much less could not be
told; much more would be felt."""


_FROM_ENVIRONMENT = ("rate", "latency", "duration", "warmup")


@dataclass(frozen=True)
class Options:
    """What the original did not let a caller say.

    Attributes
    ----------
    rate
        Requests per second, arriving at random whether or not the server keeps up.
    concurrency
        Instead, clients that each send the next request when the last is answered.
    latency
        Upper bounds such as ``{"p95": "250ms"}``: mean, p50, p90, p95, p99, p999, max.
    max_slowdown_percent
        Instead, how much slower than at the largest size the 95th percentile may be.
    duration, warmup
        Longest window of a trial, and the load before it that does not count, such as ``30s``.
    deadline
        How long the run may take, such as ``1h``.
    auto_tag
        Write the recommendation to the models' tags when the run has succeeded.
    """

    rate: float | str | None = None
    concurrency: int | None = None
    latency: Mapping[str, str] | None = None
    max_slowdown_percent: float | None = None
    duration: str | None = None
    warmup: str | None = None
    deadline: str | None = None
    auto_tag: bool = False

    def or_of(self, environment: Mapping[str, str]) -> Options:
        """Return these options with what the environment says where the call says nothing.

        MODELPROFILER_PROFILE_RATE, _LATENCY (``p95=250ms``, several with commas), _DURATION and _WARMUP: for scripts
        that are to run unchanged.

        Raises
        ------
        UserErrorException
            When a latency is none.
        """
        given = {name: environment.get(f"MODELPROFILER_PROFILE_{name.upper()}") for name in _FROM_ENVIRONMENT}
        latency, rate = self.latency, self.rate
        if latency is None and self.max_slowdown_percent is None and given["latency"]:
            pairs = [part.partition("=") for part in given["latency"].split(",")]
            if any(not metric or not bound for metric, _, bound in pairs):
                raise UserErrorException(
                    f"MODELPROFILER_PROFILE_LATENCY is METRIC=DURATION, such as p95=250ms, not {given['latency']!r}"
                )
            latency = {metric.strip(): bound.strip() for metric, _, bound in pairs}
        if rate is None and self.concurrency is None:
            rate = given["rate"] or None
        return replace(
            self,
            rate=rate,
            latency=latency,
            duration=self.duration or given["duration"] or None,
            warmup=self.warmup or given["warmup"] or None,
        )

    def check(self) -> None:
        """Refuse what excludes each other.

        Raises
        ------
        UserErrorException
            When two loads or two objectives are given.
        """
        if self.rate is not None and self.concurrency is not None:
            raise UserErrorException("give rate or concurrency, not both: requests arrive at a rate or from clients")
        if self.latency is not None and self.max_slowdown_percent is not None:
            raise UserErrorException("give latency or max_slowdown_percent, not both")

    def load(self) -> dict[str, Any]:
        """Return spec.load."""
        load: dict[str, Any] = (
            {"openLoop": {"rate": str(self.rate)}}
            if self.rate is not None
            else {"closedLoop": {"concurrency": self.concurrency or DEFAULT_CONCURRENCY}}
        )
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
        return {"deadline": self.deadline} if self.deadline is not None else {}


def check_name_and_caps(profile_name: str, cpu: float | None, memory_in_gb: float | None, bounds: Bounds) -> None:
    """Make the original's first checks, in its order.

    Raises
    ------
    UserErrorException
        For an empty name, or a cap out of bounds.
    """
    if not profile_name:
        raise UserErrorException("profile_name cannot be None or empty.")
    bounds.check_cpu(cpu)
    bounds.check_memory(memory_in_gb)


def requests_of(workspace: WorkspaceSettings, dataset: object) -> list[str]:
    """Return the requests of a dataset, after the original's checks in its order.

    Raises
    ------
    UserErrorException
        When there is no dataset, or it is not tabular, has not exactly one column, not of strings, or no row.
    """
    if dataset is None:
        raise UserErrorException("Dataset not provided. Profiling requires a dataset with sample input data.")
    if not isinstance(dataset, TabularDataset):
        raise UserErrorException(
            "Dataset type not supported. Profiling works only with tabular datasets; "
            f"make one with Dataset.Tabular.from_delimited_files. Provided: {type(dataset).__name__}"
        )
    dataset.ensure_saved(workspace)
    table, types = dataset.columns()
    if len(table) > 1:
        shown = ", ".join(f"{name} ({kind})" for name, kind in types.items())
        raise UserErrorException(
            f"Dataset format not supported. Number of columns != 1: {shown}. A row must be the body of one request: "
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
            f"row {number} of the dataset has line breaks and is not JSON; a request is replayed from one line"
        ) from None
