"""What a scoring script may import from the SDK while it serves: the paths of its models.

This file is copied beside the script, as modelprofiler.py and as azureml.py, since neither package is in a server's
environment. It knows nothing but the standard library, and makes the modules under its own name.
"""

import json
import os
import sys
import types


class Model:
    """The models that this server was started with."""

    @staticmethod
    def get_model_path(model_name, version=None, _workspace=None):  # type: ignore[no-untyped-def]  # as it is copied
        """Return the path of a model's file or folder."""
        root = os.environ.get("AZUREML_MODEL_DIR", "")
        models = [m for m in json.loads(os.environ.get("MODELPROFILER_MODELS", "[]")) if m[0] == model_name]
        models = [m for m in models if version is None or int(m[1]) == version]
        if models:
            return os.path.join(root, max(models, key=lambda m: int(m[1]))[2])  # noqa: PTH118 - a text, as the original
        if version is None and os.path.exists(model_name):  # noqa: PTH110 - the same
            return model_name
        raise FileNotFoundError(f"Model {model_name} not found in {root or 'AZUREML_MODEL_DIR, which is not set'}")


def _modules(top: str) -> None:
    """Make the modules that the SDK has under a name, each an attribute of the one above it."""
    parent = sys.modules[top]
    parent.__path__ = []
    for name in ("azureml", "core", "model"):
        if name == "azureml" and top == "azureml":
            continue
        module = types.ModuleType(f"{parent.__name__}.{name}")
        module.__path__ = []
        module.Model = Model  # type: ignore[attr-defined]  # a module made here
        sys.modules[module.__name__] = module
        setattr(parent, name, module)
        parent = module


if __name__ in ("modelprofiler", "azureml"):
    _modules(__name__)
