"""How this package starts a program of its own: no file of the user may take the place of one that it imports.

``python -m`` puts the working folder before the standard library, and so does PYTHONPATH with its folders. Both may
have a ``types.py``, a ``json.py`` or an ``http/`` that has nothing to do with ours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PACKAGE_FOLDER = Path(__file__).resolve().parents[2]
"""The folder that this package is imported from."""


def own_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this package, without the working folder in its path of imports."""
    return [sys.executable, "-P", "-m", module, *arguments]


def own_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables for a program of this package: PYTHONPATH keeps only folders of installed packages."""
    variables = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    folders = [folder for folder in environment.get("PYTHONPATH", "").split(os.pathsep) if folder]
    if kept := [folder for folder in folders if _is_of_packages(Path(folder))]:
        variables["PYTHONPATH"] = os.pathsep.join(kept)
    return variables


def _is_of_packages(folder: Path) -> bool:
    """Whether a folder has this package, or what pip has installed into it, rather than scripts of the user."""
    try:
        return folder.resolve() == PACKAGE_FOLDER or any(folder.glob("*.dist-info"))
    except OSError:
        return False
