"""A part of the control groups for a user who is not root: systemd hands one over, for the life of a command."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from modelprofiler.errors import LimitsUnavailable
from modelprofiler.host.cgroup import open_cgroup

MARK = "MODELPROFILER_SCOPE"
"""Set for the command in the scope, so that it never asks for another one."""
PATIENCE_SECONDS = 10.0


def enter_scope(command: Sequence[str]) -> str | None:
    """Replace this process by the same command in a scope of systemd's, where that gives it control groups.

    `systemd-run --scope` runs the command in place: process number, terminal, environment and folder stay the same. To
    be called first thing, before anything was started or opened.

    Parameters
    ----------
    command
        How this process was started.

    Returns
    -------
    str or None
        None: control groups can be had without. Otherwise, in one sentence, why they cannot be had in any way.
    """
    try:
        open_cgroup("trial").remove()
    except LimitsUnavailable as error:
        why = str(error)
    else:
        return None
    program = shutil.which("systemd-run")
    if os.environ.get(MARK) or program is None:
        return why
    scope = [program, *(["--user"] if os.geteuid() else []), "--scope", "--quiet", "--collect", "-p", "Delegate=yes"]
    try:
        tried = subprocess.run(  # noqa: S603 - the program that was found, with arguments from here
            [*scope, "--", "true"], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{why}; systemd-run: {error}"
    if tried.returncode:
        said = " ".join(tried.stderr.split()) or f"exit code {tried.returncode}"
        return f"{why}; systemd-run: {said}"
    with suppress(OSError):
        os.execve(program, [*scope, "--", *command], {**os.environ, MARK: "1"})  # noqa: S606 - no shell is wanted
    return why
