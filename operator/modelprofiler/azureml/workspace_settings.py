"""The settings of a workspace: which store and which model registry it uses, and where its profiles run.

Everything below the SDK's own classes works with these settings. `modelprofiler.azureml.core.Workspace` adds the
models, datasets and environments that are registered.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.store import Store, read_json, write_json

KUBERNETES = "kubernetes"
"""The resource group that stands for a cluster, alone or as ``kubernetes:CONTEXT``; the workspace is its namespace."""

LOCAL = "local"
TRACKING_URI_VARIABLE = "MLFLOW_TRACKING_URI"

_CONFIG_FILES = (".azureml/config.json", "aml_config/config.json", "config.json")


class WorkspaceSettings:
    """The settings of a workspace.

    Parameters
    ----------
    subscription_id
        A label.
    resource_group
        ``kubernetes``, ``kubernetes:CONTEXT`` with a context of the kubeconfig, or a label.
    workspace_name
        The namespace in a cluster, or a label.
    tracking_uri
        Address of the MLflow server that holds the models; MLFLOW_TRACKING_URI by default.
    store
        The directory that holds everything else; MODELPROFILER_HOME or ``~/.modelprofiler`` by default.
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
    def local(cls, *, tracking_uri: str | None = None) -> Self:
        """Return the workspace of this machine."""
        return cls(tracking_uri=tracking_uri)

    @classmethod
    def from_kubernetes(
        cls, namespace: str = "default", *, context: str | None = None, tracking_uri: str | None = None
    ) -> Self:
        """Return the workspace of a namespace in a cluster, used with the rights of your kubeconfig.

        Parameters
        ----------
        namespace
            Where profiles are created.
        context
            A context of the kubeconfig; the current one by default.
        tracking_uri
            Address of the MLflow server that holds the models.
        """
        group = f"{KUBERNETES}:{context}" if context else KUBERNETES
        return cls(resource_group=group, workspace_name=namespace, tracking_uri=tracking_uri)

    @classmethod
    def from_config(
        cls, path: str | os.PathLike[str] | None = None, auth: Any = None, _logger: Any = None, _file_name: Any = None
    ) -> Self:
        """Return the workspace that a ``config.json`` describes.

        Parameters
        ----------
        path
            The file, or the directory where the search starts; the current directory by default. The search goes
            upwards and looks into ``.azureml`` and ``aml_config`` too. The file has the keys subscription_id,
            resource_group, workspace_name and tracking_uri.

        Raises
        ------
        UserErrorException
            When there is no such file.
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
    ) -> Self:
        """Return the workspace of a name."""
        return cls(subscription_id, resource_group, name, auth)

    create = get
    """The SDK's call that creates a workspace: nothing has to be created here."""

    def write_config(self, path: str | os.PathLike[str] | None = None, file_name: str | None = None) -> None:
        """Write the file that `from_config` reads, ``.azureml/config.json``, below the current or another directory."""
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
        """The namespace in the cluster; None on this machine."""
        return self.name if self.is_kubernetes else None

    @property
    def context(self) -> str | None:
        """The context of the kubeconfig; None for the current one."""
        _, _, context = self.resource_group.partition(":")
        return context or None

    def get_mlflow_tracking_uri(self) -> str | None:
        """Return the address of the MLflow server that holds the models, if there is one."""
        return self.tracking_uri

    def get_details(self) -> dict[str, Any]:
        """Return the settings as JSON data."""
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
            f"{type(self).__name__}(subscription_id={self.subscription_id!r}, "
            f"resource_group={self.resource_group!r}, workspace_name={self.name!r})"
        )


def _find_config(start: Path, names: tuple[str, ...]) -> Path | None:
    for directory in (start, *start.parents):
        for name in names:
            if (directory / name).is_file():
                return directory / name
    return None
