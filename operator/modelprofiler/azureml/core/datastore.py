"""Looks up datastores by name."""

from __future__ import annotations

import os
from typing import Any, NoReturn

from modelprofiler.azureml.data.datastore import (
    LocalDatastore,
    default_datastore,
    get_datastore,
    register_local,
)
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.workspace_settings import WorkspaceSettings


class Datastore:
    """Looks up datastores by name; ``Datastore(workspace, name)`` returns the datastore itself."""

    def __new__(cls, workspace: WorkspaceSettings, name: str | None = None) -> LocalDatastore:  # type: ignore[misc]  # Azure ML's API: a lookup
        """Return a datastore, or the default one."""
        return cls.get_default(workspace) if name is None else cls.get(workspace, name)

    @staticmethod
    def get(workspace: WorkspaceSettings, datastore_name: str) -> LocalDatastore:
        """Return a datastore by its name."""
        return get_datastore(workspace, datastore_name)

    @staticmethod
    def get_default(workspace: WorkspaceSettings) -> LocalDatastore:
        """Return the default datastore."""
        return default_datastore(workspace)

    @staticmethod
    def register_local(
        workspace: WorkspaceSettings, datastore_name: str, path: str | os.PathLike[str]
    ) -> LocalDatastore:
        """Register a directory of this machine as a datastore."""
        return register_local(workspace, datastore_name, path)

    @staticmethod
    def _no_azure(*_arguments: Any, **_named: Any) -> NoReturn:
        raise UserErrorException(
            "a datastore is a directory of this machine here; copy the data and use "
            "Datastore.register_local(workspace, name, path)"
        )

    register_azure_blob_container = _no_azure
    register_azure_file_share = _no_azure
    register_azure_data_lake = _no_azure
    register_azure_data_lake_gen2 = _no_azure
    register_azure_sql_database = _no_azure
    register_azure_postgre_sql = _no_azure
    register_azure_my_sql = _no_azure
    register_dbfs = _no_azure
    register_hdfs = _no_azure
