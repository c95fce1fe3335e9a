"""What scripts of Azure ML's SDK import and nothing here does: each use of it says what to do instead.

The sentences are kept here, since several modules of the SDK share one.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from typing import Any, NoReturn

from modelprofiler.azureml.exceptions import AzureMLException, UserErrorException

TRAINING = (
    "scripts are not run for training here; run the script itself, register the model that comes out with "
    "Model.register, and put its packages into an Environment"
)
RUNS = "training runs are not kept here; track them with MLflow, and register the model that comes out"
COMPUTE = (
    "there are no compute targets; a profile runs on this machine (Workspace.local()) or in a cluster "
    "(Workspace.from_kubernetes(namespace=...))"
)
DEPLOYMENT = (
    "modelprofiler recommends a size and deploys nothing; `modelprofiler patch` writes it into the manifest of a "
    "workload"
)
IMAGES = (
    "modelprofiler builds no images: put the script into an InferenceConfig, and name an image that you have built "
    "with Environment.from_docker_image(name, image)"
)
LANGUAGES = (
    "scoring scripts are Python here, without R or Spark; put the script's packages of Python into "
    "Environment.python.conda_dependencies"
)
SECRETS = (
    "there is no key vault here; read the secret from an environment variable, and give it to a scoring script "
    "with Environment.environment_variables"
)
SERVICES = (
    "no other service can be linked; copy the requests to this machine, and use "
    "Dataset.Tabular.from_delimited_files(path)"
)
DATA = (
    "data is not put in place for training runs here; make a dataset of it with "
    "Dataset.Tabular.from_delimited_files((datastore, path))"
)
FRAMES = (
    "only data frames of pandas are read here; make a dataset of one with "
    "Dataset.Tabular.register_pandas_dataframe(dataframe, datastore, name)"
)
WORKSPACES = (
    "workspaces are not created, listed or deleted here; use Workspace.local(), or "
    "Workspace.from_kubernetes(namespace=...) for a namespace of a cluster"
)
LOGIN = "there is no service of Azure ML to log in to, and none is needed; leave the call out"
NETWORK = "a workspace is a directory of this machine here, without a network of its own; leave the call out"
WIDGETS = "there are no widgets; profile.wait_for_completion(show_output=True) prints the progress of a profile"
MONITORING = (
    "nothing is collected or sent to Azure here; leave the call out (Model.profile replaces the collectors of a "
    "scoring script by ones that collect nothing)"
)
EXPLAINING = "models are not explained here; leave the call out, or use the packages interpret and shap themselves"
INSIDE = "the helpers inside Azure ML's SDK do not exist here; leave the call out"


class Unsupported(type):
    """Metaclass of unsupported classes: creating an instance or calling a method raises an error."""

    instead: str
    """What to do instead, in one sentence."""

    def __call__(cls, *_arguments: Any, **_named: Any) -> NoReturn:
        """Refuse to create an instance."""
        raise UserErrorException(f"{cls.__name__}: {cls.instead}")

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise UserErrorException(f"{cls.__name__}.{name}: {cls.instead}")


def refusal(name: str, instead: str) -> Callable[..., NoReturn]:
    """Return a method that raises an error, for those of a class that does something otherwise."""

    def refuse(*_arguments: Any, **_named: Any) -> NoReturn:
        """Refuse, and say what to do instead."""
        raise UserErrorException(f"{name}: {instead}")

    return refuse


@functools.cache
def stand_in(name: str, instead: str) -> type:
    """Return a class of any name that raises an error when it is used; that of an exception is never raised."""
    if name.endswith(("Exception", "Error")):
        return type(name, (AzureMLException,), {})
    return Unsupported(name, (), {"instead": instead})


def stand_ins(module: str, instead: str) -> Callable[[str], object]:
    """Return the ``__getattr__`` of a module, which has a stand-in for every name that it does not define."""

    def other(name: str) -> object:
        """Return a submodule, which ``from package import name`` asks for as an attribute first, or a stand-in."""
        if name.startswith("_"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        folders = getattr(sys.modules[module], "__path__", None)
        if folders is not None and PathFinder.find_spec(f"{module}.{name}", folders) is not None:
            return importlib.import_module(f"{module}.{name}")
        return stand_in(name, instead)

    return other
