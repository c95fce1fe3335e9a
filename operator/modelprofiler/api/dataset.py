"""The sample requests: where they come from, and how the file that contains them is read."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import StringConstraints, model_validator

from modelprofiler.api.model import ApiModel
from modelprofiler.api.sources import Name, Source

NO_COLUMNS = (
    "column, contentTypeColumn, pathColumn and weightColumn need a format with columns: JSONLines, JSONArray, CSV or "
    "Parquet"
)
MediaType = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[!-~][ -~]*$")]


class DatasetFormat(StrEnum):
    """How rows are read from the dataset's file."""

    LINES = "Lines"
    JSON_LINES = "JSONLines"
    JSON_ARRAY = "JSONArray"
    CSV = "CSV"
    PARQUET = "Parquet"
    FILES = "Files"


WITHOUT_COLUMNS = frozenset({DatasetFormat.LINES, DatasetFormat.FILES})
"""Formats whose rows are bodies and nothing else."""


class Dataset(ApiModel):
    """The sample requests that every trial replays."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            (
                "!has(self.column) && !has(self.contentTypeColumn) && !has(self.pathColumn) && !has(self.weightColumn)"
                " || has(self.format) && !(self.format in ['Files', 'Lines'])"
            ),
            NO_COLUMNS,
        ),
    )

    source: Source
    """The file that contains the requests, one per row; with format Files the folder, or the ConfigMap, whose files are
    the requests."""
    format: DatasetFormat = DatasetFormat.LINES
    """Lines: every line is a request body. JSONLines: every line is a JSON object. JSONArray: the file is a JSON array,
    and every item is a row. CSV: comma-separated values with a header line. Parquet: a table. Files: every file is a
    request body, such as an image."""
    column: Name | None = None
    """Name of the column, or the field of the JSON object, that contains the request body. Without it the body is the
    whole JSON value, or the only column of a table."""
    content_type: MediaType | None = None
    """Content-Type of the bodies, instead of endpoint.http.contentType. With application/json every row must be JSON.
    With format Files the default follows from the file's extension."""
    content_type_column: Name | None = None
    """Name of the column or field that contains the Content-Type of the row."""
    path_column: Name | None = None
    """Name of the column or field that contains the path of the request, instead of endpoint.http.path."""
    weight_column: Name | None = None
    """Name of the column or field that says how often a row is sent compared with the others: a number greater
    than 0."""
    encoding: Literal["Text", "Base64"] = "Text"
    """Encoding of the bodies in the file: Text, or Base64 for binary bodies, which are decoded before they are sent."""
    order: Literal["Shuffled", "Sequential"] = "Shuffled"
    """Order of the rows: Shuffled (with a fixed seed) or Sequential (as in the file). Every trial replays the same rows
    in the same order."""

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        columns = (self.column, self.content_type_column, self.path_column, self.weight_column)
        if self.format in WITHOUT_COLUMNS and any(name is not None for name in columns):
            raise ValueError(NO_COLUMNS)
        return self
