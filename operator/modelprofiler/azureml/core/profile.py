"""A profile: its state, its progress and its result."""

from __future__ import annotations

import sys
import time
import warnings
from datetime import datetime
from typing import Any, Protocol

import yaml

from modelprofiler.api.quantities import Quantity
from modelprofiler.azureml.profiling import manifest
from modelprofiler.azureml.profiling.bounds import Bounds
from modelprofiler.azureml.profiling.details import FAILED, FINAL_STATES, SUCCEEDED, Snapshot, details, serialized
from modelprofiler.azureml.profiling.local_run import LocalRuns
from modelprofiler.azureml.profiling.progress import Progress
from modelprofiler.azureml.profiling.result import Details
from modelprofiler.azureml.profiling.tags import tag_models
from modelprofiler.azureml.registry.choose import registry_of
from modelprofiler.azureml.workspace_settings import WorkspaceSettings

MIN_PROFILE_CPU = Bounds().min_profile_cpu
MAX_PROFILE_CPU = Bounds().max_profile_cpu
MIN_PROFILE_MEMORY = Bounds().min_profile_memory
MAX_PROFILE_MEMORY = Bounds().max_profile_memory

POLL_SECONDS, CLUSTER_POLL_SECONDS = 1.0, 3.0
"""Pauses between two looks at a run: a trial takes tens of seconds, and a look at a cluster is a connection."""


class Runs(Protocol):
    """The runs of a workspace."""

    def read(self, name: str) -> Snapshot:
        """Return the present state of a run."""

    def cancel(self, name: str) -> None:
        """Stop a run that has not ended."""


class ModelProfile:
    """A profile; the constructor looks it up by name, whatever process started it.

    Parameters
    ----------
    workspace
        Where it runs.
    name
        Its name.

    Raises
    ------
    WebserviceException
        When there is no profile of that name.
    """

    def __init__(self, workspace: WorkspaceSettings, name: str) -> None:
        self.workspace = workspace
        self.name = name
        self._runs = _runs(workspace)
        self._update()

    def _update(self) -> None:
        self._snapshot = self._runs.read(self.name)
        d = self._document = serialized(self._snapshot)
        self.id: str | None = d["id"]
        self.state: str = d["state"]
        self.description: str | None = d["description"]
        self.created_time = datetime.fromisoformat(d["createdTime"]) if d["createdTime"] else None
        self.error: dict[str, Any] | None = d["error"]
        self.error_logs_url: str | None = d["errorLogsUri"]
        self.model_ids: list[str] = d["modelIds"]
        self.input_dataset_id: str | None = d["inputDatasetId"]
        self.environment: dict[str, Any] | None = d["environment"]
        self.requested_cpu: float | None = d["requestedCpu"]
        self.requested_memory_in_gb: float | None = d["requestedMemoryInGB"]
        self.requested_queries_per_second: float = d["requestedQueriesPerSecond"]
        self.recommended_cpu: float | None = d["recommendedCpu"]
        self.recommended_memory: float | None = d["recommendedMemoryInGB"]
        self.max_utilized_cpu: float | None = d["maxUtilizedCpu"]
        self.max_utilized_memory: float | None = d["maxUtilizedMemoryInGB"]
        self.measured_queries_per_second: float | None = d["measuredQueriesPerSecond"]
        self.total_queries: float | None = d["totalQueries"]
        self.success_queries: float | None = d["successQueries"]
        self.success_rate: float | None = d["successRate"]
        self.average_latency_in_ms: float | None = d["averageLatencyInMs"]
        self.latency_percentile_50_in_ms: float | None = d["latencyPercentile50InMs"]
        self.latency_percentile_90_in_ms: float | None = d["latencyPercentile90InMs"]
        self.latency_percentile_95_in_ms: float | None = d["latencyPercentile95InMs"]
        self.latency_percentile_99_in_ms: float | None = d["latencyPercentile99InMs"]
        self.latency_percentile_999_in_ms: float | None = d["latencyPercentile999InMs"]

    def wait_for_completion(self, show_output: bool = False) -> None:
        """Wait until the state is Succeeded, Failed, Cancelled or TimedOut, and warn of a failure.

        Parameters
        ----------
        show_output
            Whether to print the state, dots while it lasts, and each trial when it has ended.
        """
        progress = Progress(sys.stdout if show_output else None)
        while True:
            self._update()
            progress.show(self.state, self._snapshot.profile)
            if self.state in FINAL_STATES:
                break
            time.sleep(CLUSTER_POLL_SECONDS if self.workspace.is_kubernetes else POLL_SECONDS)
        progress.end()
        if self.state == SUCCEEDED and self.workspace.is_kubernetes and self._is_auto_tagged():
            # A run on this machine tags the models itself; a cluster cannot reach the registry.
            tag_models(registry_of(self.workspace), self.model_ids, self._document)
        message = self.error["message"] if self.error else ""
        if self.state == FAILED:
            warnings.warn(
                f"Model Profiling operation failed with the following error: {message} Request ID: {self.id}. "
                "Inspect ModelProfile.error property for more information.",
                UserWarning,
                stacklevel=2,
            )
        elif self.error:
            warnings.warn(_issues_warning(message), UserWarning, stacklevel=2)

    def _is_auto_tagged(self) -> bool:
        return manifest.AUTO_TAG in self._snapshot.profile.metadata.annotations

    def get_details(self) -> Details:
        """Return the measurements at the requested size and the recommendation, or why there is none.

        CPU is in cores, memory in GB (10^9 bytes), latency in ms, all as floats; unknown values are left out. Keys that
        begin with ``verified`` are measurements at the recommended size.
        """
        if self.state not in FINAL_STATES:
            self._update()
        result = details(self._document)
        if self.state == SUCCEEDED and "error" in result:
            warnings.warn(_issues_warning(result["error"]["message"]), UserWarning, stacklevel=2)
        return Details(result)

    wait_for_profiling = wait_for_completion
    """The SDK's first name of the method."""

    get_results = get_details
    """The SDK's first name of the method."""

    def serialize(self) -> dict[str, Any]:
        """Return everything about the profile as JSON data; an unknown value is None."""
        return dict(self._document)

    def recommended_size(self) -> dict[str, Quantity | None]:
        """Return the recommended requests of the container, cpu and memory, as Kubernetes writes them."""
        recommendations = self._snapshot.profile.status.recommendations
        if not recommendations:
            return {}
        requests = recommendations[0].requests
        return {"cpu": requests.cpu, "memory": requests.memory}

    def cancel(self) -> None:
        """Stop the run; its finished trials are kept."""
        self._runs.cancel(self.name)
        self._update()

    def to_manifest(self) -> str:
        """Return the ModelProfile resource as YAML, for git and kubectl."""
        return yaml.safe_dump(manifest.to_dict(self._snapshot.profile), sort_keys=False)

    def __repr__(self) -> str:
        attributes = ", ".join(f"{k}={v}" for k, v in vars(self).items() if k[0] != "_" and k != "workspace")
        return f"ModelProfile(workspace={self.workspace!r}, {attributes})"


def _issues_warning(message: str) -> str:
    return (
        f"Model Profiling operation completed, but encountered issues during execution: {message} "
        "Inspect ModelProfile.error property for more information."
    )


def _runs(workspace: WorkspaceSettings) -> Runs:
    if workspace.is_kubernetes:
        # The Kubernetes client takes half a second to import.
        from modelprofiler.azureml.profiling.cluster_run import ClusterRuns

        return ClusterRuns(workspace.name, workspace.context)
    return LocalRuns(workspace.store)
