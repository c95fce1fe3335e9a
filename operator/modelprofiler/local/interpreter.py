"""What is to be known of the Python that an entry script runs on."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

_ASK = """
import json, platform, sys, sysconfig
print(json.dumps([platform.python_version(), sys.base_prefix, sysconfig.get_config_var("CONFIG_ARGS")]))
"""
_DISTRIBUTION = "/usr"
"""Where a distribution's Python is: optimised by the rules of its package, of which `configure` knows nothing."""


def slow_build(python: Path) -> str | None:
    """Return a sentence when a Python was compiled without the optimisations that the scoring-server image's has.

    CPython is so by default: only ``configure --enable-optimizations`` (of which its documentation says that builds are
    faster by 10 to 20 %) makes a build like those of distributions and images. Nothing where it does not say how it
    was made.

    Parameters
    ----------
    python
        The program, of an environment or not.
    """
    try:
        asked = [str(python), "-I", "-S", "-c", _ASK]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    version, prefix, arguments = json.loads(done.stdout)
    if not arguments or prefix == _DISTRIBUTION or "--enable-optimizations" in arguments:
        return None
    return (
        f"the entry script runs on Python {version} of {prefix}, which was compiled without --enable-optimizations: "
        "its own code takes more CPU than in the scoring-server image. For numbers like a cluster's put another "
        f"Python first on PATH and remove {python.parent.parent}, which is then built anew"
    )
