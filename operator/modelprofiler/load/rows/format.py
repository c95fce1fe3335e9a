"""How the rows of a dataset are read, as the configurations of our pods have it."""

from __future__ import annotations

from typing import Literal, Self

from modelprofiler.api.dataset import Dataset, DatasetFormat
from modelprofiler.api.model import ApiModel


class RowFormat(ApiModel):
    """The part of a dataset that says how its files become rows; see `modelprofiler.api.dataset.Dataset`."""

    format: DatasetFormat = DatasetFormat.LINES
    """How rows are read from the files."""
    column: str | None = None
    """The column or field with the bodies."""
    content_type: str | None = None
    """Content-Type of all rows, where it is not the endpoint's."""
    content_type_column: str | None = None
    """The column or field with a row's own Content-Type."""
    path_column: str | None = None
    """The column or field with a row's own path."""
    weight_column: str | None = None
    """The column or field with a row's weight."""
    encoding: Literal["Text", "Base64"] = "Text"
    """Base64 for binary bodies."""

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Return how the rows of a profile's dataset are read."""
        return cls(**{name: getattr(dataset, name) for name in RowFormat.model_fields})

    @property
    def columns(self) -> list[str]:
        """The columns that are named, each once."""
        named = (self.column, self.content_type_column, self.path_column, self.weight_column)
        return list(dict.fromkeys(name for name in named if name is not None))

    @property
    def copies_lines(self) -> bool:
        """Whether every body is in the file as it is sent."""
        is_whole = self.format in (DatasetFormat.LINES, DatasetFormat.JSON_LINES) and not self.columns
        return is_whole and self.encoding == "Text"
