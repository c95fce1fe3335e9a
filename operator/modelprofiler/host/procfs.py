"""Small readers of procfs and of the control group file system; a file that cannot be read is empty."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")
CGROUP_ROOT = Path("/sys/fs/cgroup")
"""Where version 2 of control groups is mounted."""


def read_text(path: Path) -> str:
    """Return the content of a file; an empty text when it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""


def read_tokens(path: Path) -> frozenset[str]:
    """Return the tokens of a file that separates them by white space."""
    return frozenset(read_text(path).split())


def own_cgroup(proc: Path = PROC) -> str:
    """Return the path of this process's group of version 2, relative to the topmost group it can see (cgroups(7))."""
    lines = read_text(proc / "self/cgroup").splitlines()
    return next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "/")
