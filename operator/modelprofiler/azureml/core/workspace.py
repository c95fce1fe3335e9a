"""A workspace: where models, data and environments are registered, and where profiles run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.registry.choose import registry_at
from modelprofiler.azureml.store import Store, read_json, write_json

if TYPE_CHECKING:
    from modelprofiler.azureml.core.environment import Environment
    from modelprofiler.azureml.core.model import Model
    from modelprofiler.azureml.data.abstract_dataset import AbstractDataset
    from modelprofiler.azureml.data.datastore import LocalDatastore
    from modelprofiler.azureml.registry.record import ModelRegistry

KUBERNETES = "kubernetes"
"""A resource group of this name, or ``kubernetes:CONTEXT``, means a cluster; the workspace is then a namespace."""

LOCAL = "local"
TRACKING_URI_VARIABLE = "MLFLOW_TRACKING_URI"

_CONFIG_FILES = (".azureml/config.json", "aml_config/config.json", "config.json")


class Workspace:
    """Where models, data and environments are registered, and where profiles run.

    What is registered is in a directory of this machine (`Store`), whatever the workspace; models are in MLflow where
    a tracking URI is set. Profiles run on this machine, or in a namespace of a cluster when the resource group is
    ``kubernetes`` or ``kubernetes:CONTEXT``. Any other subscription, group and workspace name is only a label, so that
    an old script keeps its own.

    Parameters
    ----------
    subscription_id
        A label.
    resource_group
        ``kubernetes``, ``kubernetes:CONTEXT`` with a context of the kubeconfig, or a label.
    workspace_name
        The namespace in a cluster, or a label.
    tracking_uri
        Address of an MLflow server that holds the models; by default MLFLOW_TRACKING_URI.
    store
        The directory; by default MODELPROFILER_HOME or ``~/.modelprofiler``.
    """

    def __init__(
        self,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        workspace_name: str | None = None,
        auth: Any = None,
        *,
        tracking_uri: str | None = None,
        store: Store | None = None,
        **_ignored: Any,
    ) -> None:
        self.subscription_id = subscription_id or LOCAL
        self.resource_group = resource_group or LOCAL
        self.name = workspace_name or ("default" if self.is_kubernetes else LOCAL)
        self.location = KUBERNETES if self.is_kubernetes else LOCAL
        self.sku = "basic"
        self.tags: dict[str, str] = {}
        self.tracking_uri = tracking_uri or os.environ.get(TRACKING_URI_VARIABLE) or None
        self.store = store or Store.default()

    @classmethod
    def local(cls, *, tracking_uri: str | None = None) -> Workspace:
        """Return the workspace of this machine."""
        return cls(tracking_uri=tracking_uri)

    @classmethod
    def from_kubernetes(
        cls, namespace: str = "default", *, context: str | None = None, tracking_uri: str | None = None
    ) -> Workspace:
        """Return a namespace of a cluster, with the rights that your kubeconfig has there.

        Parameters
        ----------
        namespace
            Where profiles are created.
        context
            A context of the kubeconfig; by default the current one.
        tracking_uri
            Address of an MLflow server that holds the models.
        """
        group = f"{KUBERNETES}:{context}" if context else KUBERNETES
        return cls(resource_group=group, workspace_name=namespace, tracking_uri=tracking_uri)

    @classmethod
    def from_config(
        cls, path: str | os.PathLike[str] | None = None, auth: Any = None, _logger: Any = None, _file_name: Any = None
    ) -> Workspace:
        """Return the workspace that a ``config.json`` names.

        Parameters
        ----------
        path
            The file, or a directory from which it is searched upwards, also in ``.azureml`` and ``aml_config``; by
            default the current one. Keys: subscription_id, resource_group, workspace_name, tracking_uri.

        Raises
        ------
        UserErrorException
            When there is none.
        """
        start = Path(path or ".").absolute()
        file = start if start.is_file() else _find_config(start, (_file_name,) if _file_name else _CONFIG_FILES)
        config = read_json(file) if file else None
        if config is None:
            raise UserErrorException(
                f"there is no config.json in {start} or above it. Write one with Workspace.local().write_config(), or "
                "use Workspace.local() or Workspace.from_kubernetes(namespace=...)"
            )
        return cls(
            config.get("subscription_id"),
            config.get("resource_group"),
            config.get("workspace_name"),
            tracking_uri=config.get("tracking_uri"),
        )

    @classmethod
    def get(
        cls,
        name: str,
        auth: Any = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        **_ignored: Any,
    ) -> Workspace:
        """Return a workspace by its name."""
        return cls(subscription_id, resource_group, name, auth)

    create = get
    """There is nothing to create."""

    def write_config(self, path: str | os.PathLike[str] | None = None, file_name: str | None = None) -> None:
        """Write what `from_config` reads to ``.azureml/config.json``, in the current directory or another."""
        config = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "workspace_name": self.name,
        }
        if self.tracking_uri:
            config["tracking_uri"] = self.tracking_uri
        write_json(Path(path or ".") / ".azureml" / (file_name or "config.json"), config)

    @property
    def is_kubernetes(self) -> bool:
        """Whether profiles run in a cluster."""
        return self.resource_group.split(":", 1)[0] == KUBERNETES

    @property
    def namespace(self) -> str | None:
        """The namespace of a cluster, or None."""
        return self.name if self.is_kubernetes else None

    @property
    def context(self) -> str | None:
        """The context of the kubeconfig, or None for the current one."""
        _, _, context = self.resource_group.partition(":")
        return context or None

    @property
    def registry(self) -> ModelRegistry:
        """Where models are registered."""
        return registry_at(self.tracking_uri, self.store)

    @property
    def datastores(self) -> dict[str, LocalDatastore]:
        """The datastores by name."""
        from modelprofiler.azureml.data.datastore import all_datastores

        return all_datastores(self)

    def get_default_datastore(self) -> LocalDatastore:
        """Return the default datastore."""
        from modelprofiler.azureml.data.datastore import default_datastore

        return default_datastore(self)

    def set_default_datastore(self, name: str) -> None:
        """Make a datastore the default."""
        from modelprofiler.azureml.data.datastore import get_datastore

        get_datastore(self, name).set_as_default()

    @property
    def datasets(self) -> dict[str, AbstractDataset]:
        """The registered datasets by name, each in its latest version."""
        from modelprofiler.azureml.core.dataset import Dataset

        return Dataset.get_all(self)

    @property
    def environments(self) -> dict[str, Environment]:
        """The registered environments by name, each in its latest version."""
        from modelprofiler.azureml.core.environment import Environment

        return Environment.list(self)

    @property
    def models(self) -> dict[str, Model]:
        """The registered models by name, each in its latest version."""
        from modelprofiler.azureml.core.model import Model

        return {model.name: model for model in Model.list(self, latest=True)}

    def get_mlflow_tracking_uri(self) -> str | None:
        """Return the address of the MLflow server that holds the models, if there is one."""
        return self.tracking_uri

    def get_details(self) -> dict[str, Any]:
        """Return what is known of the workspace."""
        return {
            "name": self.name,
            "location": self.location,
            "resourceGroup": self.resource_group,
            "subscriptionId": self.subscription_id,
            "trackingUri": self.tracking_uri,
            "store": str(self.store.root),
        }

    def __repr__(self) -> str:
        return (
            f"Workspace(subscription_id={self.subscription_id!r}, resource_group={self.resource_group!r}, "
            f"workspace_name={self.name!r})"
        )


def _find_config(start: Path, names: tuple[str, ...]) -> Path | None:
    for directory in (start, *start.parents):
        for name in names:
            if (directory / name).is_file():
                return directory / name
    return None
