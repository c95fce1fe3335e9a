"""How an entry script is served: the same command and variables in a pod and in a process of this machine."""

from __future__ import annotations

from modelprofiler.api.server import EntryScript

COMMAND = "azmlinfsrv"
"""The command of azureml-inference-server-http."""

READY_PATH = "/"
"""Answers once ``init()`` is done."""


def scoring_command(
    script: EntryScript, port: int, code_dir: str, model_dir: str | None, *, programs: str | None = None
) -> list[str]:
    """Return the command of the scoring server.

    Parameters
    ----------
    port
        The port that the server listens on.
    code_dir, model_dir
        Folders with the files of the script and of the model; `model_dir` is None without a model.
    programs
        Folder that has the server's program; None: it is on the path.
    """
    program = COMMAND if programs is None else f"{programs}/{COMMAND}"
    command = [program, "--entry_script", f"{code_dir}/{script.file}", "--port", str(port)]
    return command if model_dir is None else [*command, "--model_dir", model_dir]


def scoring_variables(script: EntryScript, code_dir: str, home: str, model_dir: str | None) -> dict[str, str]:
    """Return the variables of the scoring server, without those of the profile; see `scoring_command`.

    AML_APP_ROOT is the folder from which the script can import other files of its source.
    """
    variables = {"WORKER_COUNT": str(script.workers), "AML_APP_ROOT": code_dir, "HOME": home}
    return variables if model_dir is None else variables | model_variables(model_dir)


def model_variables(model_dir: str) -> dict[str, str]:
    """Return the variables that tell any server where the model's files are."""
    return {"MODEL_DIR": model_dir, "AZUREML_MODEL_DIR": model_dir}
