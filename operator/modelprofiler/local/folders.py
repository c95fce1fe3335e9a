"""The folders of one start of a server: new ones each time, so that nothing of the last server is found there."""

from __future__ import annotations

import shutil
from pathlib import Path

RESTORED = ("work", "code", "model", "volumes")
"""The folders of a run with what the profile itself contains, and the working directory. They are small: a ConfigMap
has at most 1 MiB, and the files of a model are linked. The user's own folders are used where they are."""


class StartFolders:
    """Renews the folders of a run before each start.

    Parameters
    ----------
    directory
        The run's own folder; no server has been started in it yet.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._originals = directory / "originals"
        for name in RESTORED:
            if (directory / name).is_dir():
                shutil.copytree(directory / name, self._originals / name, symlinks=True)

    def renew(self) -> None:
        """Remove what the last server left behind, and put every file back as the profile has it."""
        for name in RESTORED:
            shutil.rmtree(self._directory / name, ignore_errors=True)
            if (self._originals / name).is_dir():
                shutil.copytree(self._originals / name, self._directory / name, symlinks=True, dirs_exist_ok=True)
        for folder in (home_of(self._directory), temporary_of(self._directory)):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def home_of(directory: Path) -> Path:
    """Return the HOME of a server, in the run's own folder."""
    return directory / "start" / "home"


def temporary_of(directory: Path) -> Path:
    """Return the TMPDIR of a server, in the run's own folder."""
    return directory / "start" / "tmp"
