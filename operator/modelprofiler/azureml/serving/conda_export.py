"""Asks conda for the packages of an environment of this machine."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import yaml

from modelprofiler.azureml.exceptions import UserErrorException

SECONDS = 120
"""How long conda may take; it takes a few seconds, on a slow disk perhaps a minute."""

INSTEAD = (
    "write a file with `conda env export --no-builds --file env.yml`, and use "
    "Environment.from_conda_specification(name, 'env.yml')"
)


def exported(environment: str) -> dict[str, Any]:
    """Return the conda file of a conda environment.

    Raises
    ------
    UserErrorException
        When conda is not on this machine, fails, or prints no conda file.
    """
    if not isinstance(environment, str) or not environment.strip() or environment.startswith("-"):
        raise UserErrorException(f"{environment!r} is not the name of a conda environment; `conda env list` shows them")
    program = shutil.which("conda")
    if program is None:
        raise UserErrorException(f"conda is not on this machine; where it is, {INSTEAD}")
    command = [program, "env", "export", "--no-builds", "--name", environment]
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserErrorException(f"conda cannot be asked for the environment {environment}: {error}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise UserErrorException(f"conda has no packages of an environment {environment}: {lines[-1]}")
    try:
        data = yaml.safe_load(done.stdout)
    except yaml.YAMLError as error:
        raise UserErrorException(f"conda printed no conda file for the environment {environment}") from error
    if not isinstance(data, dict):
        raise UserErrorException(f"conda printed no conda file for the environment {environment}")
    return data
