"""Creates datasets, and looks up registered ones by name and id."""

from __future__ import annotations

from modelprofiler.azureml.data.abstract_dataset import DATASETS, REGISTRATIONS, AbstractDataset
from modelprofiler.azureml.data.dataset_factory import FileDatasetFactory, TabularDatasetFactory
from modelprofiler.azureml.data.file_dataset import FileDataset
from modelprofiler.azureml.data.tabular_dataset import TabularDataset
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.workspace_settings import WorkspaceSettings


class Dataset:
    """Creates datasets, and looks up registered ones."""

    Tabular = TabularDatasetFactory
    File = FileDatasetFactory

    @staticmethod
    def get_by_name(workspace: WorkspaceSettings, name: str, version: int | str | None = "latest") -> AbstractDataset:
        """Return a registered dataset.

        Parameters
        ----------
        version
            The version, or ``latest``.

        Raises
        ------
        UserErrorException
            When there is no dataset of that name and version, or the version is not a number.
        """
        versions = workspace.store.versions(REGISTRATIONS, name) if name else []
        number: int | None = versions[-1] if versions else None
        if version not in (None, "latest"):
            try:
                number = int(version)
            except ValueError:
                raise UserErrorException(f'version must be a number or "latest", not {version!r}') from None
        registration = workspace.store.read(REGISTRATIONS, name, f"{number}.json") if number in versions else None
        if registration is None:
            suffix = "" if version in (None, "latest") else f" (version: {version})"
            known = ", ".join(workspace.store.names(REGISTRATIONS)) or "none"
            raise UserErrorException(
                f'Cannot find dataset registered with name "{name}"{suffix} in the workspace; registered are {known}'
            )
        return _saved(workspace, registration["id"], registration)

    @staticmethod
    def get_by_id(workspace: WorkspaceSettings, id: str) -> AbstractDataset:
        """Return a dataset by its id.

        Raises
        ------
        UserErrorException
            When there is no dataset of that id.
        """
        for name in workspace.store.names(REGISTRATIONS):
            for version in reversed(workspace.store.versions(REGISTRATIONS, name)):
                registration = workspace.store.read(REGISTRATIONS, name, f"{version}.json")
                if registration and registration["id"] == id:
                    return _saved(workspace, id, registration)
        return _saved(workspace, id, {"id": id})

    @staticmethod
    def get_all(workspace: WorkspaceSettings) -> dict[str, AbstractDataset]:
        """Return the registered datasets by name, each in its latest version."""
        names = workspace.store.names(REGISTRATIONS)
        return {n: Dataset.get_by_name(workspace, n) for n in names if workspace.store.versions(REGISTRATIONS, n)}


def _saved(workspace: WorkspaceSettings, id: str, registration: dict[str, object]) -> AbstractDataset:
    definition = workspace.store.read(DATASETS, f"{id}.json") if id and "/" not in id else None
    if definition is None:
        raise UserErrorException(f'Cannot find dataset with id "{id}" in the workspace; register one and use its id')
    kind = definition.pop("kind")
    dataset = (TabularDataset if kind == TabularDataset.kind else FileDataset)(definition, workspace)
    dataset.registered_as(registration)
    return dataset
