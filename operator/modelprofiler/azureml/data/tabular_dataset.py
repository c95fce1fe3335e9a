"""A dataset with columns."""

from __future__ import annotations

import importlib
from typing import Any, Self

from modelprofiler.azureml.data.abstract_dataset import AbstractDataset
from modelprofiler.azureml.data.column_types import INFERRED_FROM, ColumnType, inferred
from modelprofiler.azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from modelprofiler.azureml.data.delimited import Layout, Table, Value, read_delimited, read_json_lines
from modelprofiler.azureml.exceptions import UserErrorException


class TabularDataset(AbstractDataset):
    """Rows and columns, read from files at each call of `columns`."""

    kind = "Tabular"

    def columns(self) -> tuple[Table, dict[str, ColumnType]]:
        """Return the columns as text, and the type of each.

        Raises
        ------
        DatasetValidationError
            When the files do not exist or cannot be read.
        """
        d = self._definition
        text_columns: set[str] = set()
        if d["sourceType"] == "json_lines_files":
            table, text_columns = read_json_lines(self.files(), d["encoding"])
        else:
            table = read_delimited(self.files(), _layout(d))
        for step, argument in d["steps"]:
            table = _apply(step, argument, table)
        types = {name: ColumnType(t) for name, t in d["setColumnTypes"].items() if name in table}
        for name, values in table.items():
            if name not in types:
                infer = name not in text_columns and d["inferColumnTypes"]
                types[name] = inferred(values[:INFERRED_FROM]) if infer else ColumnType.STRING
        return table, types

    def take(self, count: int) -> TabularDataset:
        """Return a dataset of the first rows."""
        return self._step("take", count)

    def skip(self, count: int) -> TabularDataset:
        """Return a dataset without the first rows."""
        return self._step("skip", count)

    def keep_columns(self, columns: str | list[str], validate: bool = False) -> TabularDataset:
        """Return a dataset of these columns."""
        return self._step("keep", [columns] if isinstance(columns, str) else list(columns))

    def drop_columns(self, columns: str | list[str]) -> TabularDataset:
        """Return a dataset without these columns."""
        return self._step("drop", [columns] if isinstance(columns, str) else list(columns))

    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> Any:
        """Return the rows as a data frame of strings; needs pandas."""
        try:
            pd = importlib.import_module("pandas")
        except ImportError as error:
            raise UserErrorException("to_pandas_dataframe needs pandas: pip install pandas") from error
        return pd.DataFrame(self.columns()[0])

    def _step(self, name: str, argument: Any) -> Self:
        definition = {**self._definition, "steps": [*self._definition["steps"], [name, argument]]}
        return type(self)(definition, self._workspace)

    def _definition_names(self) -> list[str]:
        reader = {"json_lines_files": "ParseJsonLines"}.get(self._definition["sourceType"], "ParseDelimited")
        return ["GetFiles", reader, *(name.capitalize() for name, _ in self._definition["steps"])]


def _layout(d: dict[str, Any]) -> Layout:
    header = PromoteHeadersBehavior[d["header"]]
    return Layout(d["separator"], header, d["encoding"], d["supportMultiLine"], d["emptyAsString"])


def _apply(step: str, argument: Any, table: Table) -> Table:
    if step == "take":
        return {name: values[:argument] for name, values in table.items()}
    if step == "skip":
        return {name: values[argument:] for name, values in table.items()}
    if missing := [name for name in argument if name not in table]:
        raise UserErrorException(
            f"there is no column {', '.join(missing)}; there are {', '.join(table) or 'no columns'}"
        )
    return {name: values for name, values in table.items() if (name in argument) == (step == "keep")}


__all__ = ["TabularDataset", "Value"]
