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


def controller_mounts(mountinfo: str) -> dict[str, Path]:
    """Return where version 1 of control groups mounts each controller.

    Parameters
    ----------
    mountinfo
        The text of /proc/self/mountinfo (proc_pid_mountinfo(5)).
    """
    mounted: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        mount, _, file_system = line.partition(" - ")
        fields, options = mount.split(), file_system.split()
        if len(fields) < 5 or len(options) < 3 or options[0] != "cgroup":
            continue
        for controller in options[2].split(","):
            mounted.setdefault(controller, Path(_unescape(fields[4])))
    return mounted


def _unescape(field: str) -> str:
    """Return a field of mountinfo with its octal escapes (of spaces and backslashes) decoded."""
    return field.encode().decode("unicode_escape") if "\\" in field else field
