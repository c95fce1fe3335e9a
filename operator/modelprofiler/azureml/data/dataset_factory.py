"""Datasets made from paths."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NoReturn

from modelprofiler.azureml.data.abstract_dataset import DatasetPath, check_name, path_entries
from modelprofiler.azureml.data.column_types import ColumnType
from modelprofiler.azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from modelprofiler.azureml.data.datastore import DataPath, LocalDatastore
from modelprofiler.azureml.data.file_dataset import FileDataset
from modelprofiler.azureml.data.parquet import check_installed
from modelprofiler.azureml.data.tabular_dataset import TabularDataset
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.store import write_text

Paths = DatasetPath | Sequence[DatasetPath]

DIGITS = 15
"""Decimal places of numbers of a data frame, the most that pandas writes; its own default of 10 loses small numbers."""


class DataType:
    """Types of columns, for ``set_column_types``."""

    def __init__(self, kind: ColumnType) -> None:
        self.kind = kind

    @staticmethod
    def to_string() -> DataType:
        """Return the type of text."""
        return DataType(ColumnType.STRING)

    @staticmethod
    def to_long() -> DataType:
        """Return the type of whole numbers."""
        return DataType(ColumnType.LONG)

    @staticmethod
    def to_float(decimal_mark: str = ".") -> DataType:
        """Return the type of numbers."""
        return DataType(ColumnType.FLOAT)

    @staticmethod
    def to_bool() -> DataType:
        """Return the type of true and false."""
        return DataType(ColumnType.BOOL)

    @staticmethod
    def to_datetime(formats: Any = None) -> DataType:
        """Return the type of times."""
        return DataType(ColumnType.DATETIME)

    @staticmethod
    def to_stream(workspace: Any = None, escaped: bool = False) -> DataType:
        """Return the type of paths of files."""
        return DataType(ColumnType.STREAM)


class TabularDatasetFactory:
    """Makes tabular datasets."""

    @staticmethod
    def from_delimited_files(
        path: Paths,
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: Mapping[str, DataType] | None = None,
        separator: str = ",",
        header: bool | PromoteHeadersBehavior = True,
        partition_format: str | None = None,
        support_multi_line: bool = False,
        empty_as_string: bool = False,
        encoding: str = "utf8",
    ) -> TabularDataset:
        r"""Return a dataset of delimited files.

        Parameters
        ----------
        path
            Paths on this machine or in datastores: files, directories or patterns.
        validate
            Whether the files must exist already.
        infer_column_types
            Whether to infer each column's type from its first 200 rows; otherwise every column is text.
        set_column_types
            Types of columns, instead of inferred ones.
        separator
            The separator of columns; with ``\n`` a line is one field.
        header
            Whether the first line names the columns, or in which files it does.
        support_multi_line
            Whether quoted fields may contain line breaks.
        empty_as_string
            Whether an empty field is an empty string rather than a missing value.
        encoding
            utf8, iso88591, latin1, ascii, utf16, utf32, utf8bom or windows1252.

        Raises
        ------
        UserErrorException
            When a path cannot be used, or `validate` is set and there is no file.
        """
        _refuse_columns(include_path=include_path, partition_format=partition_format)
        if not separator:
            raise UserErrorException("separator must not be empty")
        return _tabular(
            path,
            validate,
            {
                "sourceType": "delimited_files",
                "separator": separator,
                "header": _header(header).name,
                "encoding": encoding,
                "supportMultiLine": support_multi_line,
                "emptyAsString": empty_as_string,
                "inferColumnTypes": infer_column_types,
                "setColumnTypes": {name: t.kind.value for name, t in (set_column_types or {}).items()},
                "steps": [],
            },
        )

    @staticmethod
    def from_json_lines_files(
        path: Paths,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Mapping[str, DataType] | None = None,
        partition_format: str | None = None,
        invalid_lines: str = "error",
        encoding: str = "utf8",
    ) -> TabularDataset:
        """Return a dataset of files with a JSON object on each line.

        Parameters
        ----------
        invalid_lines
            What becomes of a line that is not a JSON object: ``error`` refuses the file, ``drop`` leaves the line out,
            with a warning.
        """
        _refuse_columns(include_path=include_path, partition_format=partition_format)
        if invalid_lines not in ("error", "drop"):
            raise UserErrorException(f'invalid_lines must be "error" or "drop", not {invalid_lines!r}')
        # Left out where it is the default, so that the id of a dataset stays what it was.
        invalid = {} if invalid_lines == "error" else {"invalidLines": invalid_lines}
        return _tabular(
            path,
            validate,
            {
                "sourceType": "json_lines_files",
                **invalid,
                "encoding": encoding,
                "inferColumnTypes": True,
                "setColumnTypes": {name: t.kind.value for name, t in (set_column_types or {}).items()},
                "steps": [],
            },
        )

    @staticmethod
    def from_parquet_files(
        path: Paths,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Mapping[str, DataType] | None = None,
        partition_format: str | None = None,
    ) -> TabularDataset:
        """Return a dataset of Parquet files; needs pyarrow.

        Raises
        ------
        UserErrorException
            When pyarrow is not installed.
        """
        _refuse_columns(include_path=include_path, partition_format=partition_format)
        check_installed()
        types = {name: t.kind.value for name, t in (set_column_types or {}).items()}
        source = {"sourceType": "parquet_files", "inferColumnTypes": False, "setColumnTypes": types, "steps": []}
        return _tabular(path, validate, source)

    @staticmethod
    def register_pandas_dataframe(
        dataframe: Any,
        target: LocalDatastore | DataPath | tuple[LocalDatastore, str],
        name: str,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        show_progress: bool = True,
        **_ignored: Any,
    ) -> TabularDataset:
        """Write a data frame to a datastore, as a JSON object for each row, and register a dataset of it.

        Parameters
        ----------
        target
            A datastore, or a path in one.
        """
        datastore, folder = _place(target)
        check_name(name)
        text = _json_lines(dataframe)
        # The name of the file follows from the rows, so that running a script again adds nothing.
        file = f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.jsonl"
        relative = str(PurePosixPath(folder) / file)
        write_text(datastore.resolve(relative), text)
        if show_progress:
            print(f"Wrote the rows to {relative} in {datastore.name}")
        dataset = TabularDatasetFactory.from_json_lines_files((datastore, relative))
        return dataset.register(datastore.workspace, name, description, tags, create_new_version=True)

    @staticmethod
    def from_sql_query(*_arguments: Any, **_named: Any) -> NoReturn:
        """Refuse, and name the way through a text file."""
        raise UserErrorException(
            "SQL is not supported; write the result to a text file, one request per line, and use from_delimited_files"
        )


class FileDatasetFactory:
    """Makes file datasets."""

    @staticmethod
    def from_files(path: Paths, validate: bool = True, **_ignored: Any) -> FileDataset:
        """Return a dataset of files."""
        paths, workspace = path_entries(path)
        dataset = FileDataset({"paths": paths}, workspace)
        if validate:
            dataset.files()
        return dataset


def _place(target: object) -> tuple[LocalDatastore, str]:
    if isinstance(target, DataPath):
        target = (target.datastore, target.path_on_datastore)
    datastore, folder = target if isinstance(target, tuple) and len(target) == 2 else (target, "")
    if not isinstance(datastore, LocalDatastore):
        raise UserErrorException("target must be a datastore, or (datastore, path); Datastore.get_default(ws) is one")
    return datastore, str(folder or "")


def _json_lines(dataframe: Any) -> str:
    how = {"orient": "records", "lines": True, "date_format": "iso", "force_ascii": False}
    try:
        return str(dataframe.to_json(**how, double_precision=DIGITS))
    except AttributeError:
        raise UserErrorException(f"dataframe must be a pandas DataFrame, not {type(dataframe).__name__}") from None
    except (ValueError, TypeError, OverflowError) as error:  # two columns of one name, bytes, an object of no type
        raise UserErrorException(f"the dataframe cannot be written as JSON: {error}") from error


def _header(header: bool | PromoteHeadersBehavior) -> PromoteHeadersBehavior:
    if not isinstance(header, bool):
        return header
    return PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS if header else PromoteHeadersBehavior.NO_HEADERS


def _refuse_columns(*, include_path: bool, partition_format: str | None) -> None:
    if include_path or partition_format:
        raise UserErrorException(
            "include_path and partition_format add columns, and a profile needs exactly one; leave them out"
        )


def _tabular(path: Paths, validate: bool, definition: dict[str, Any]) -> TabularDataset:
    paths, workspace = path_entries(path)
    dataset = TabularDataset({"paths": paths, **definition}, workspace)
    if validate:
        dataset.files()
    return dataset
