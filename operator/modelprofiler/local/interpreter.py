"""Whether the Python of an entry script was compiled without optimisations."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

_BUILD_QUERY = """
import json, platform, sys, sysconfig
print(json.dumps([platform.python_version(), sys.base_prefix, sysconfig.get_config_var("CONFIG_ARGS")]))
"""
_DISTRIBUTION = "/usr"
"""Prefix of a distribution's Python. Its package optimises it by other means than the arguments of `configure`."""


def slow_build(python: Path) -> str | None:
    """Return a warning when a Python lacks the optimisations of the scoring-server image's; None otherwise.

    That is CPython's default: only ``configure --enable-optimizations`` makes a build like those of distributions and
    images, which is 10 to 20 % faster by its documentation. A Python that does not report how it was built gets no
    warning.

    Parameters
    ----------
    python
        The program, in an environment or not.
    """
    try:
        command = [str(python), "-I", "-S", "-c", _BUILD_QUERY]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    version, prefix, arguments = json.loads(done.stdout)
    if not arguments or prefix == _DISTRIBUTION or "--enable-optimizations" in arguments:
        return None
    return (
        f"the entry script runs on Python {version} of {prefix}, which was compiled without --enable-optimizations: "
        "it needs more CPU than in the scoring-server image. For numbers that hold in a cluster, put another Python "
        f"first on PATH and remove {python.parent.parent}, which is then built again"
    )
