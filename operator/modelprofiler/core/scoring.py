"""How an entry script is served: the same command and variables in a pod and as a process of this machine. Pure."""

from __future__ import annotations

from modelprofiler.api.server import EntryScript

COMMAND = "azmlinfsrv"
"""Of azureml-inference-server-http."""

READY_PATH = "/"
"""Answers once ``init()`` is done."""


def scoring_command(script: EntryScript, port: int, code_dir: str, model_dir: str | None) -> list[str]:
    """Return the command of the scoring server.

    Parameters
    ----------
    port
        What it listens on.
    code_dir, model_dir
        Folders with the files of the script and of the model; None without a model.
    """
    command = [COMMAND, "--entry_script", f"{code_dir}/{script.file}", "--port", str(port)]
    return command if model_dir is None else [*command, "--model_dir", model_dir]


def scoring_variables(script: EntryScript, code_dir: str, home: str, model_dir: str | None) -> dict[str, str]:
    """Return the variables of the scoring server, those that the profile names aside; see `scoring_command`.

    AML_APP_ROOT is where the server lets the script import the files beside it from.
    """
    variables = {"WORKER_COUNT": str(script.workers), "AML_APP_ROOT": code_dir, "HOME": home}
    return variables if model_dir is None else variables | model_variables(model_dir)


def model_variables(model_dir: str) -> dict[str, str]:
    """Return the variables that tell any server where the model's files are."""
    return {"MODEL_DIR": model_dir, "AZUREML_MODEL_DIR": model_dir}
