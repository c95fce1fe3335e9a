"""A path in a datastore."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelprofiler.azureml.data.datastore import LocalDatastore


class DataPath:
    """A path in a datastore, as datasets take it."""

    def __init__(
        self,
        datastore: LocalDatastore | None = None,
        path_on_datastore: str | None = None,
        name: str | None = None,
    ) -> None:
        self.datastore = datastore
        self.path_on_datastore = path_on_datastore or ""
        self.name = name
