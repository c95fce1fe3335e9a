"""Control groups for a user who is not root: systemd delegates a scope to a command for as long as it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from modelprofiler.errors import LimitsUnavailable
from modelprofiler.host.cgroup import open_cgroup

SCOPE_VARIABLE = "MODELPROFILER_SCOPE"
"""Environment variable of the command in the scope, so that it does not ask for another one."""
SYSTEMD_RUN_SECONDS = 10.0
"""How long systemd may take to make a scope; chosen as a bound against hanging."""


def enter_scope(command: Sequence[str]) -> str | None:
    """Replace this process by the same command in a systemd scope, if it needs one to have control groups.

    `systemd-run --scope` executes the command in place: process number, terminal, environment and folder stay the same.
    Call this first, before anything is started or opened.

    Parameters
    ----------
    command
        The command line of this process.

    Returns
    -------
    str or None
        None when control groups are available without a scope; otherwise one sentence that says why they are not
        available at all.
    """
    try:
        open_cgroup("probe").remove()
    except LimitsUnavailable as error:
        reason = str(error)
    else:
        return None
    program = shutil.which("systemd-run")
    if os.environ.get(SCOPE_VARIABLE) or program is None:
        return reason
    scope = [program, *(["--user"] if os.geteuid() else []), "--scope", "--quiet", "--collect", "-p", "Delegate=yes"]
    try:
        probe = subprocess.run(  # noqa: S603 - no shell, and no argument from outside
            [*scope, "--", "true"], capture_output=True, text=True, timeout=SYSTEMD_RUN_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{reason}; systemd-run: {error}"
    if probe.returncode:
        error_output = " ".join(probe.stderr.split()) or f"exit code {probe.returncode}"
        return f"{reason}; systemd-run: {error_output}"
    with suppress(OSError):
        os.execve(program, [*scope, "--", *command], {**os.environ, SCOPE_VARIABLE: "1"})  # noqa: S606 - without a shell
    return reason
