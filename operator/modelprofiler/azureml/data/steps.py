"""Steps from the columns that were read to those of a dataset; each is kept as its name and an argument."""

from __future__ import annotations

import random
from typing import Any

from modelprofiler.azureml.data.delimited import Table
from modelprofiler.azureml.data.expressions import meets
from modelprofiler.azureml.exceptions import UserErrorException


def applied(step: str, argument: Any, table: Table) -> Table:
    """Return the columns after a step.

    Raises
    ------
    UserErrorException
        When there is no such column.
    """
    if step == "take":
        return {name: values[:argument] for name, values in table.items()}
    if step == "skip":
        return {name: values[argument:] for name, values in table.items()}
    if step in ("sample", "filter"):
        return _rows(
            table, _kept_by_condition(table, argument) if step == "filter" else _kept_at_random(table, argument)
        )
    if missing := [name for name in argument if name not in table]:
        raise UserErrorException(
            f"there is no column {', '.join(missing)}; there are {', '.join(table) or 'no columns'}"
        )
    return {name: values for name, values in table.items() if (name in argument) == (step == "keep")}


def _rows(table: Table, kept: list[bool]) -> Table:
    return {name: [v for v, keep in zip(values, kept, strict=True) if keep] for name, values in table.items()}


def _kept_by_condition(table: Table, condition: list[Any]) -> list[bool]:
    rows = range(len(next(iter(table.values()), [])))
    return [meets({name: values[row] for name, values in table.items()}, condition) for row in rows]


def _kept_at_random(table: Table, argument: dict[str, Any]) -> list[bool]:
    """Return which rows are in a share of them; the rest of the same seed has the others."""
    generator = random.Random(argument["seed"])  # noqa: S311 - a sample, not a secret
    drawn = [generator.random() < argument["share"] for _ in next(iter(table.values()), [])]
    return [keep != argument["rest"] for keep in drawn]
