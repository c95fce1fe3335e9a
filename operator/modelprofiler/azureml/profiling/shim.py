"""What a scoring script may import of the SDK while it serves: the paths of its models, and parts that do nothing.

This file is copied to the script's folder as modelprofiler.py or azureml.py, since neither package is in a server's
environment. It uses the standard library only, and creates the SDK's modules under its own name. Where packages of the
SDK are installed, their modules are used instead.
"""

import importlib
import importlib.abc
import importlib.machinery
import json
import os
import sys
import types

VERSION = "0.0.0"

ABSENT: "frozenset[str]" = frozenset()
"""What the script imports only with an except for when it is missing, such as azureml.core.Run: it is missing, so that
the script goes on as it does where there is no SDK. The copy in the script's folder has it."""


class Model:
    """The models of this server."""

    def __init__(self, *_arguments: object, **_named: object) -> None:
        raise _absent("Model(...)")

    @staticmethod
    def get_model_path(model_name: str, version: "int | None" = None, _workspace: object = None) -> str:
        """Return the path of a model's file or folder."""
        root = os.environ.get("AZUREML_MODEL_DIR", "")
        models = [m for m in json.loads(os.environ.get("MODELPROFILER_MODELS", "[]")) if m[0] == model_name]
        models = [m for m in models if version is None or int(m[1]) == version]
        if models:
            return os.path.join(root, max(models, key=lambda m: int(m[1]))[2])  # noqa: PTH118 - a string, as in Azure ML
        if version is None and os.path.exists(model_name):  # noqa: PTH110 - the same
            return model_name
        raise FileNotFoundError(f"Model {model_name} not found in {root or 'AZUREML_MODEL_DIR, which is not set'}")


class ModelDataCollector:
    """A collector of azureml.monitoring that collects nothing."""

    def __init__(self, *_arguments: object, **_named: object) -> None:
        pass

    def collect(self, *_arguments: object, **_named: object) -> "dict[str, object]":
        """Collect nothing."""
        return {}

    def add_correlations(self, *_arguments: object, **_named: object) -> None:
        """Add nothing."""


class BasicCorrelationContext:
    """The context of azureml.ai.monitoring: an id."""

    def __init__(self, id: str = "", **_named: object) -> None:
        self._id = id

    def get_id(self) -> str:
        """Return the id."""
        return self._id


class Collector:
    """A collector of azureml.ai.monitoring that collects nothing."""

    def __init__(self, *_arguments: object, **_named: object) -> None:
        pass

    def collect(self, data: object, correlation_context: "BasicCorrelationContext | None" = None) -> object:
        """Collect nothing, and return the context."""
        return correlation_context or BasicCorrelationContext()


def _absent(name: str) -> ImportError:
    return ImportError(
        f"{name}: a server has no workspace, run or other service of Azure ML; find models with "
        "Model.get_model_path(name) or the variable AZUREML_MODEL_DIR"
    )


class _Absent(type):
    """Metaclass of what can be imported and not used."""

    def __call__(cls, *_arguments: object, **_named: object) -> object:
        raise _absent(cls.__name__)

    def __getattr__(cls, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        raise _absent(f"{cls.__name__}.{name}")


def _stand_in(name: str) -> object:
    """Return a class that raises an error when it is used."""
    if name.startswith("__"):
        raise AttributeError(name)
    return _Absent(name, (), {})


def _nothing(*_arguments: object, **_named: object) -> None:
    """Do nothing."""


def _does_nothing(name: str) -> object:
    """Return a function that does nothing."""
    if name.startswith("__"):
        raise AttributeError(name)
    return _nothing


def _of_server(name: str) -> object:
    """Return a module of the scoring server under the SDK's name of it."""
    module = sys.modules.get(f"azureml.contrib.services.{name}")
    if module is None:
        raise AttributeError(name)
    return module


CORE: "dict[str, object]" = {"Model": Model, "VERSION": VERSION}
ANYTHING: "dict[str, object]" = {"__getattr__": _does_nothing}
MODULES: "dict[str, dict[str, object]]" = {
    "core": CORE,
    "core.model": CORE,
    "monitoring": {"ModelDataCollector": ModelDataCollector},
    "ai": {},
    "ai.monitoring": {"Collector": Collector, "BasicCorrelationContext": BasicCorrelationContext},
    "ai.monitoring.context": {"BasicCorrelationContext": BasicCorrelationContext},
    "automl": {},
    "automl.core": {},
    "automl.core.shared": {},
    "automl.core.shared.log_server": ANYTHING,
    "automl.core.shared.logging_utilities": ANYTHING,
    "telemetry": {"INSTRUMENTATION_KEY": "", **ANYTHING},
    "contrib": {},
    "contrib.services": {"__getattr__": _of_server},
}
"""What each module has, by its name below azureml; any other name of it can be imported and not used."""


def contents_of(below: str) -> "dict[str, object] | None":
    """Return what a module below azureml has; None where there is no such module."""
    if below.startswith("core."):
        return CORE
    return MODULES.get(below)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of the SDK that nobody else has: it is asked last."""

    def __init__(self, sdk: str) -> None:
        self._sdk = sdk

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> "importlib.machinery.ModuleSpec | None":
        """Find a module of the SDK."""
        known = name not in ABSENT and (name == self._sdk or contents_of(self._below(name)) is not None)
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if known else None

    def exec_module(self, module: types.ModuleType) -> None:
        """Fill a module."""
        below = self._below(module.__name__)

        def other(name: str) -> object:
            """Return a submodule, as ``from module import name`` asks for an attribute first, or a stand-in."""
            if f"{module.__name__}.{name}" in ABSENT:
                raise AttributeError(f"{module.__name__} has no {name} here: there is no service of Azure ML")
            if f"{below}.{name}".lstrip(".") in MODULES:
                return importlib.import_module(f"{module.__name__}.{name}")
            return _stand_in(name)

        vars(module).update({"__getattr__": other, **(contents_of(below) or {"Model": Model})})

    def _below(self, name: str) -> str:
        return name[len(self._sdk) + 1 :] if name.startswith(f"{self._sdk}.") else ""


def _create_modules(top: str) -> None:
    """Create the SDK's modules below a top package; those of scripts' most common imports at once."""
    sdk = "azureml" if top == "azureml" else f"{top}.azureml"
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - a string, as in sys.path
    others = [os.path.join(folder, top) for folder in sys.path if os.path.abspath(folder or ".") != here]  # noqa: PTH100, PTH118
    sys.modules[top].__path__ = [folder for folder in others if os.path.isdir(folder)]  # noqa: PTH112
    sys.meta_path.append(_Finder(sdk))
    importlib.import_module(f"{sdk}.core.model")


if __name__ in ("modelprofiler", "azureml"):
    _create_modules(__name__)
