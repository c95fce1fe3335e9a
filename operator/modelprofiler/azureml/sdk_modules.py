"""The modules of Azure ML's SDK that nothing here does: they are made when a script imports them.

Each name in them is a stand-in that says on use what to do instead. What does something here is a module of its own,
and found first.
"""

from __future__ import annotations

import importlib.abc
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from modelprofiler.azureml import unsupported
from modelprofiler.azureml.unsupported import stand_ins

PACKAGE = "modelprofiler.azureml"

MODULES = {
    "accel": unsupported.DEPLOYMENT,
    "ai": unsupported.MONITORING,
    "automl": unsupported.TRAINING,
    "contrib": unsupported.INSIDE,
    "contrib.automl": unsupported.TRAINING,
    "contrib.brainwave": unsupported.DEPLOYMENT,
    "contrib.core": unsupported.DEPLOYMENT,
    "contrib.dataset": unsupported.DATA,
    "contrib.explain": unsupported.EXPLAINING,
    "contrib.fairness": unsupported.EXPLAINING,
    "contrib.interpret": unsupported.EXPLAINING,
    "contrib.notebook": unsupported.TRAINING,
    "contrib.opendatasets": unsupported.SERVICES,
    "contrib.pipeline": unsupported.TRAINING,
    "contrib.run": unsupported.RUNS,
    "contrib.services": unsupported.DEPLOYMENT,
    "contrib.train": unsupported.TRAINING,
    "core.compute": unsupported.COMPUTE,
    "core.databricks": unsupported.COMPUTE,
    "core.diagnostic": unsupported.MONITORING,
    "core.image": unsupported.IMAGES,
    "core.private_endpoint": unsupported.NETWORK,
    "core.script_run": unsupported.TRAINING,
    "core.webservice": unsupported.DEPLOYMENT,
    "data.abstract_datastore": unsupported.DATA,
    "data.azure_data_lake_datastore": unsupported.SERVICES,
    "data.azure_my_sql_datastore": unsupported.SERVICES,
    "data.azure_postgre_sql_datastore": unsupported.SERVICES,
    "data.azure_sql_database_datastore": unsupported.SERVICES,
    "data.azure_storage_datastore": unsupported.SERVICES,
    "data.constants": unsupported.INSIDE,
    "data.context_managers": unsupported.DATA,
    "data.datacache": unsupported.DATA,
    "data.datacache_client": unsupported.DATA,
    "data.datacache_consumption_config": unsupported.DATA,
    "data.datacache_singularity_settings": unsupported.DATA,
    "data.dataset_action_run": unsupported.RUNS,
    "data.dataset_consumption_config": unsupported.DATA,
    "data.dataset_definition": unsupported.DATA,
    "data.dataset_error_handling": unsupported.INSIDE,
    "data.dataset_profile": unsupported.DATA,
    "data.dataset_profile_run": unsupported.RUNS,
    "data.dataset_profile_run_config": unsupported.RUNS,
    "data.dataset_snapshot": unsupported.DATA,
    "data.dbfs_datastore": unsupported.SERVICES,
    "data.hdfs_datastore": unsupported.SERVICES,
    "data.output_dataset_config": unsupported.DATA,
    "data.sql_data_reference": unsupported.SERVICES,
    "data.stored_procedure_parameter": unsupported.SERVICES,
    "datadrift": unsupported.MONITORING,
    "dataprep": unsupported.FRAMES,
    "evaluate": unsupported.EXPLAINING,
    "explain": unsupported.EXPLAINING,
    "featurestore": unsupported.SERVICES,
    "fsspec": unsupported.SERVICES,
    "history": unsupported.RUNS,
    "interpret": unsupported.EXPLAINING,
    "logging": unsupported.MONITORING,
    "metrics": unsupported.RUNS,
    "mlflow": "MLflow itself is used here: set MLFLOW_TRACKING_URI, or tracking_uri of the Workspace",
    "monitoring": unsupported.MONITORING,
    "opendatasets": unsupported.SERVICES,
    "pipeline": (
        "pipelines are not run here; run the script of each step itself, and profile the model that comes out with "
        "Model.profile"
    ),
    "responsibleai": unsupported.EXPLAINING,
    "services": unsupported.DEPLOYMENT,
    "studio": unsupported.TRAINING,
    "telemetry": unsupported.MONITORING,
    "tensorboard": unsupported.RUNS,
    "train": unsupported.TRAINING,
    "training": unsupported.TRAINING,
    "widgets": unsupported.WIDGETS,
}
"""What to do instead of using a module of the SDK or one below it, by its name below azureml. The longest name counts.
Of `core` and `data` only the modules that the SDK has are named, so that a misspelt import is still an error."""


def instead_of(name: str) -> str | None:
    """Return what to do instead of using a module of the SDK; None where the SDK has no such module."""
    if not name.startswith(f"{PACKAGE}."):
        return None
    parts = name.removeprefix(f"{PACKAGE}.").split(".")
    if any(part.startswith("_") and not part.startswith("__") for part in parts):
        return unsupported.INSIDE
    known = (MODULES.get(".".join(parts[:length])) for length in range(len(parts), 0, -1))
    return next(filter(None, known), None)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes the modules that no other finder finds."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find a module of the SDK."""
        return ModuleSpec(fullname, self, is_package=True) if instead_of(fullname) else None

    def exec_module(self, module: ModuleType) -> None:
        """Fill a module."""
        instead = instead_of(module.__name__)
        assert instead is not None, module.__name__
        module.__doc__ = f"A module of Azure ML's SDK that nothing here does: {instead}."
        vars(module)["__getattr__"] = stand_ins(module.__name__, instead)


def install() -> None:
    """Let scripts import the modules; they are looked for after all others."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
