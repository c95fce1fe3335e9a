"""The part of the SDK that a scoring script may import while it serves: the paths of its models.

This file is copied to the script's folder as modelprofiler.py or azureml.py, since neither package is in a server's
environment. It uses the standard library only, and creates the SDK's modules under its own name.
"""

import json
import os
import sys
import types


class Model:
    """The models of this server."""

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


def _modules(top: str) -> None:
    """Create the SDK's modules below a top package, each an attribute of its parent."""
    parent = sys.modules[top]
    parent.__path__ = []
    for name in ("azureml", "core", "model"):
        if name == "azureml" and top == "azureml":
            continue
        module = types.ModuleType(f"{parent.__name__}.{name}")
        module.__path__ = []
        module.Model = Model  # type: ignore[attr-defined]  # set on a new module
        sys.modules[module.__name__] = module
        setattr(parent, name, module)
        parent = module


if __name__ in ("modelprofiler", "azureml"):
    _modules(__name__)
