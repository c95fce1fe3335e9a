"""Checks at the call what a scoring script imports of the SDK, of which a server has little."""

from __future__ import annotations

import os
from pathlib import Path

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling import shim
from modelprofiler.azureml.profiling.stage import LEFT_OUT
from modelprofiler.azureml.serving.inference_config import InferenceConfig
from modelprofiler.files.script_imports import ANYTHING, Need, python_texts, sdk_needs

REPLACED = {
    "azureml.monitoring": "nothing is collected, and what collecting costs is not measured",
    "azureml.ai.monitoring": "nothing is collected, and what collecting costs is not measured",
    "azureml.automl": "nothing is sent to Azure",
    "azureml.telemetry": "nothing is sent to Azure",
}
"""Modules that the shim replaces by ones that do nothing, and what that means for the result."""

INSTEAD = (
    "a server has no workspace, run or other service of Azure ML: find models with Model.get_model_path(name) or the "
    "variable AZUREML_MODEL_DIR, and catch the ImportError of what the answers do not need"
)


UNUSED = "a stand-in takes its place, which raises an error when it is used"


def check_script(config: InferenceConfig, packages: set[str]) -> list[str]:
    """Return warnings about what is replaced, and about what may be missing.

    Parameters
    ----------
    packages
        Names of the packages that are installed.

    Raises
    ------
    UserErrorException
        When the script certainly uses a part of the SDK that a server does not have.
    """
    file, texts = _texts(config)
    needs = sdk_needs(file, texts, packages)
    unmet = [need for need in needs if _missing(need)]
    missing = [_named(need) for need in unmet if need.certain]
    doubtful = [_named(need) for need in unmet if not need.certain]
    if missing:
        raise UserErrorException(f"{'; '.join(missing)}: {INSTEAD}")
    warnings = [f"{'; '.join(doubtful)}, in some case: {INSTEAD}"] if doubtful else []
    warnings += filter(None, map(_unused, needs))
    modules = {need.module.removeprefix("modelprofiler.") for need in needs}
    for replaced, meaning in REPLACED.items():
        if any(f"{module}.".startswith(f"{replaced}.") for module in modules):
            warnings.append(f"{replaced} is replaced by a module that does nothing: {meaning}")
    return warnings


def _texts(config: InferenceConfig) -> tuple[str, dict[str, str]]:
    script = config.entry_script_path
    if config.source_directory is None:
        return script.name, python_texts(script.name, {script.name: script})
    root = Path(config.source_directory).resolve()
    files: dict[str, bytes | Path] = {}
    for folder, folders, names in os.walk(root):  # follows no links to folders, so that a circle of links ends
        left_out = LEFT_OUT(folder, folders)
        folders[:] = sorted(name for name in folders if name not in left_out)
        files |= {Path(folder, name).relative_to(root).as_posix(): Path(folder, name) for name in sorted(names)}
    file = script.resolve().relative_to(root).as_posix()
    return file, python_texts(file, files)


def _missing(need: Need) -> tuple[str, ...] | bool:
    """Return the names of a module that a server does not have; False for none, True for all of it."""
    contents = shim.contents_of(_below(need)) if _below(need) else {"Model": None}
    # A name that is imported and not used does no harm: the shim has a stand-in for it.
    return True if contents is None else _without(need, need.names)


def _below(need: Need) -> str:
    """Return the name of a module below azureml."""
    return need.module.removeprefix("modelprofiler.").removeprefix("azureml").removeprefix(".")


def _without(need: Need, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of some names that the shim's module does not have."""
    below = _below(need)
    contents = shim.contents_of(below) if below else {"Model": None}
    if contents is None or "__getattr__" in contents:
        return ()
    submodule = f"{below}.{{}}" if below else "{}"
    return tuple(name for name in names if name not in contents and submodule.format(name) not in shim.MODULES)


def _unused(need: Need) -> str | None:
    """Return a warning about what a script imports and does not use, or where it does not show what it uses."""
    names = _without(need, need.unused)
    if ANYTHING in names:
        return f"{need.file}, line {need.line}, may use more of {need.module} than Model: {INSTEAD}"
    if not names:
        return None
    return (
        f"{need.file}, line {need.line}, imports {', '.join(names)} of {need.module} and makes no use of it: {UNUSED}"
    )


def _named(need: Need) -> str:
    missing = _missing(need)
    names = f"{', '.join(missing)} of " if isinstance(missing, tuple) else ""
    return f"{need.file}, line {need.line}, uses {names}{need.module}"
