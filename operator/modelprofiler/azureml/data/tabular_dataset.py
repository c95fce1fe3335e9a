"""A dataset with columns."""

from __future__ import annotations

import csv
import importlib
import io
import operator
import secrets
from numbers import Real
from typing import Any, Self, SupportsIndex

from modelprofiler.azureml.data.abstract_dataset import AbstractDataset
from modelprofiler.azureml.data.column_types import INFERRED_FROM, ColumnType, inferred
from modelprofiler.azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from modelprofiler.azureml.data.datastore import default_datastore
from modelprofiler.azureml.data.delimited import Layout, Table, Value, read_delimited, read_json_lines
from modelprofiler.azureml.data.expressions import Column, Condition
from modelprofiler.azureml.data.file_dataset import FileDataset
from modelprofiler.azureml.data.parquet import read_parquet
from modelprofiler.azureml.data.steps import applied
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.store import write_text
from modelprofiler.azureml.unsupported import refusal

TO_PANDAS = "to_pandas_dataframe returns the rows as a data frame"
BY_TIME = 'compare a column with a time: dataset.filter(dataset["time"] >= datetime(2021, 3, 4))'


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
        known: dict[str, ColumnType] = {}
        if d["sourceType"] == "json_lines_files":
            drop = d.get("invalidLines") == "drop"
            table, texts = read_json_lines(self.files(), d["encoding"], drop_invalid=drop)
            known = dict.fromkeys(texts, ColumnType.STRING)
        elif d["sourceType"] == "parquet_files":
            table, known = read_parquet(self.files())
        else:
            table = read_delimited(self.files(), _layout(d))
        for step, argument in d["steps"]:
            table = applied(step, argument, table)
        types = {name: ColumnType(t) for name, t in d["setColumnTypes"].items() if name in table}
        for name, values in table.items():
            if name not in types:
                infer = name not in known and d["inferColumnTypes"]
                types[name] = inferred(values[:INFERRED_FROM]) if infer else known.get(name, ColumnType.STRING)
        return table, types

    def __getitem__(self, column: str) -> Column:
        """Return a column, to be compared with a value in `filter`."""
        return Column(column)

    __iter__ = None
    """Otherwise Python would ask for the columns 0, 1 and so on, without an end."""

    def filter(self, expression: Condition) -> TabularDataset:
        """Return a dataset of the rows that meet a condition, such as ``dataset["age"] > 30``."""
        if not isinstance(expression, Condition):
            raise UserErrorException('filter needs a condition on a column, such as dataset["age"] > 30')
        return self._step("filter", expression.data)

    def take_sample(self, probability: float, seed: SupportsIndex | None = None) -> TabularDataset:
        """Return a dataset of rows that are drawn at random, each with a probability."""
        if not _is_number(probability) or not 0 < probability <= 1:
            raise UserErrorException(f"probability must be above 0 and at most 1, not {probability!r}")
        return self._step("sample", {"share": float(probability), "seed": _seed(seed), "rest": False})

    def random_split(
        self, percentage: float, seed: SupportsIndex | None = None
    ) -> tuple[TabularDataset, TabularDataset]:
        """Return two datasets: one of rows that are drawn at random, with a share from 0 to 1, and one of the rest."""
        if not _is_number(percentage) or not 0 <= percentage <= 1:
            raise UserErrorException(f"percentage is a share from 0 to 1, not {percentage!r}")
        draw = {"share": float(percentage), "seed": _seed(seed)}
        return self._step("sample", {**draw, "rest": False}), self._step("sample", {**draw, "rest": True})

    def to_csv_files(self, separator: str = ",") -> FileDataset:
        """Write the rows to a file in the workspace's default datastore, and return a dataset of it."""
        if not isinstance(separator, str) or len(separator) != 1 or separator in '\r\n"':
            raise UserErrorException(f"separator must be one character such as a comma, not {separator!r}")
        if self._workspace is None:
            raise UserErrorException(
                "the dataset has no workspace to write files to; register it, or make it of a datastore"
            )
        table, _ = self.columns()
        store = default_datastore(self._workspace)
        other = "" if separator == "," else f"-{ord(separator)}"  # not the file that another call wrote
        relative = f"to_csv_files/{self.ensure_saved(self._workspace)}{other}.csv"
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=separator, lineterminator="\n")
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
        write_text(store.resolve(relative), text.getvalue())
        return FileDataset({"paths": [{"datastoreName": store.name, "relativePath": relative}]}, self._workspace)

    def take(self, count: SupportsIndex) -> TabularDataset:
        """Return a dataset of the first rows."""
        return self._step("take", _whole_number("count", count))

    def skip(self, count: SupportsIndex) -> TabularDataset:
        """Return a dataset without the first rows."""
        return self._step("skip", _whole_number("count", count))

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

    to_parquet_files = refusal("to_parquet_files", "to_csv_files writes the rows to a file")
    to_spark_dataframe = refusal("to_spark_dataframe", TO_PANDAS)
    to_dask_dataframe = refusal("to_dask_dataframe", TO_PANDAS)
    with_timestamp_columns = refusal("with_timestamp_columns", BY_TIME)
    time_before = refusal("time_before", BY_TIME)
    time_after = refusal("time_after", BY_TIME)
    time_between = refusal("time_between", BY_TIME)
    time_recent = refusal("time_recent", BY_TIME)

    def _step(self, name: str, argument: Any) -> Self:
        definition = {**self._definition, "steps": [*self._definition["steps"], [name, argument]]}
        return type(self)(definition, self._workspace)

    def _definition_names(self) -> list[str]:
        readers = {"json_lines_files": "ParseJsonLines", "parquet_files": "ReadParquetFile"}
        reader = readers.get(self._definition["sourceType"], "ParseDelimited")
        return ["GetFiles", reader, *(name.capitalize() for name, _ in self._definition["steps"])]


def _seed(seed: SupportsIndex | None) -> int:
    """Return the seed, or a new one: it is kept, so that the same rows are drawn whenever the dataset is read."""
    return secrets.randbits(32) if seed is None else _whole_number("seed", seed)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _whole_number(name: str, value: object) -> int:
    """Return a whole number from 0 on, which may be one of NumPy, as an int."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # what has no index is refused
    except TypeError:
        number = -1
    if number < 0 or isinstance(value, bool):
        raise UserErrorException(f"{name} must be a whole number from 0 on, not {value!r}")
    return number


def _layout(d: dict[str, Any]) -> Layout:
    header = PromoteHeadersBehavior[d["header"]]
    return Layout(d["separator"], header, d["encoding"], d["supportMultiLine"], d["emptyAsString"])


__all__ = ["TabularDataset", "Value"]
