"""A dataset of files."""

from __future__ import annotations

from modelprofiler.azureml.data.abstract_dataset import AbstractDataset


class FileDataset(AbstractDataset):
    """Files without columns; a profile needs a tabular dataset instead."""

    kind = "File"

    def to_path(self) -> list[str]:
        """Return the paths of the files."""
        return [str(path) for path in self.files()]
