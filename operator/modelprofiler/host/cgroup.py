"""A control group for a server: which version this machine has, where this process may make one, what others left.

A group carries in its name who made it: process number, start time and PID namespace. A run that was killed leaves its
groups, and the processes in them; the next one finds the owner gone and removes both.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from modelprofiler.errors import LimitsUnavailable
from modelprofiler.host import cgroup_v1, cgroup_v2
from modelprofiler.host.cgroup_v1 import CgroupV1
from modelprofiler.host.cgroup_v2 import CgroupV2
from modelprofiler.host.control_group import Cgroup, Reading, write

__all__ = ["Cgroup", "Reading", "open_cgroup", "remove_stale"]

ROOT = Path("/sys/fs/cgroup")
PROC = Path("/proc")
PREFIX = "modelprofiler-"
OWN = "modelprofiler.main"
"""Where this process itself goes in a part of the hierarchy that was handed to it: a group that passes controllers on
may have no processes (cgroups(7), "no internal processes")."""
LONGEST_NAME = 60


def open_cgroup(name: str, root: Path = ROOT, proc: Path = PROC) -> Cgroup:
    """Make a control group without limits, after removing what runs left that are no longer there.

    Version 2 where cpu and memory are in it and this process may write to a part of it (`scope.enter_scope` has systemd
    hand one over); else version 1, for root.

    Parameters
    ----------
    name
        What it is for; made part of its name.
    root
        Where version 2 is mounted.
    proc
        Where procfs is.

    Raises
    ------
    LimitsUnavailable
        None can be had; one sentence says why.
    """
    remove_stale(root, proc)
    full = f"{owner(proc)}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:LONGEST_NAME]}"
    if words(root / "cgroup.controllers") >= cgroup_v2.REQUIRED:
        return _open_v2(full, root, proc)
    return _open_v1(full, proc)


def remove_stale(root: Path = ROOT, proc: Path = PROC) -> int:
    """End the processes in groups whose owner is no longer there, remove the groups, and return how many there were."""
    found: list[Cgroup] = []
    by_name: dict[str, dict[str, Path]] = {}
    mounted = cgroup_v1.mounts(text(proc / "self/mountinfo"))
    for controller in (*cgroup_v1.REQUIRED, *cgroup_v1.HELPFUL):
        for directory in _ours(mounted.get(controller)):
            by_name.setdefault(directory.name, {})[controller] = directory
    found += [CgroupV1(directories) for name, directories in by_name.items() if abandoned(name, proc)]
    bases = _bases(root, proc)
    # A run that had a scope of systemd's left its groups there, and the scope stays while there are processes in it.
    scopes = {scope for base in bases[1:] for scope in base.parent.glob("*.scope")}
    found += [CgroupV2(d) for base in {*bases, *scopes} for d in _ours(base) if abandoned(d.name, proc)]
    for cgroup in found:
        cgroup.kill()
        cgroup.remove()
    return len(found)


def owner(proc: Path = PROC) -> str:
    """Return how the names of this process's groups begin: it is unlike that of any other process, earlier or later."""
    pid = os.getpid()
    return f"{PREFIX}{pid}-{started(pid, proc)}-{_pid_namespace(proc)}"


def abandoned(name: str, proc: Path = PROC) -> bool:
    """Return whether the process that made the group `name` has ended; False where that cannot be known."""
    matched = re.match(rf"{PREFIX}(\d+)-(\d+)-(\d+)-", name)
    if not matched:
        return False
    pid, start, namespace = map(int, matched.groups())
    return namespace == _pid_namespace(proc) and started(pid, proc) != start


def started(pid: int, proc: Path = PROC) -> int:
    """Return when a process started, in clock ticks since boot (proc_pid_stat(5), field 22); 0: it is gone."""
    fields = text(proc / str(pid) / "stat").rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 else 0


def text(path: Path) -> str:
    """Return what a file says; nothing when it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""


def words(path: Path) -> frozenset[str]:
    """Return the words in a file."""
    return frozenset(text(path).split())


def _pid_namespace(proc: Path) -> int:
    """Return the number of the PID namespace: process numbers mean something only in there."""
    try:
        return int(re.sub(r"\D", "", str((proc / "self/ns/pid").readlink())) or 0)
    except OSError:
        return 0


def _ours(base: Path | None) -> Iterator[Path]:
    """Return the groups that a run has made in `base`."""
    return base.glob(f"{PREFIX}*-*") if base else iter(())


def _open_v1(full: str, proc: Path) -> Cgroup:
    """Make a group of version 1, at the top of what is mounted here: in a container that is the container's own."""
    mounted = cgroup_v1.mounts(text(proc / "self/mountinfo"))
    if missing := [controller for controller in cgroup_v1.REQUIRED if controller not in mounted]:
        raise LimitsUnavailable(
            "this system has no control groups (they are part of Linux)"
            if not mounted
            else f"the controllers {', '.join(missing)} of control groups are not mounted"
        )
    used = [c for c in (*cgroup_v1.REQUIRED, *cgroup_v1.HELPFUL) if c in mounted]
    if closed := [mounted[c] for c in cgroup_v1.REQUIRED if not os.access(mounted[c], os.W_OK)]:
        raise LimitsUnavailable(f"only root may make control groups of version 1, and {closed[0]} cannot be written")
    directories: dict[str, Path] = {}
    try:
        for controller in used:
            if controller in cgroup_v1.REQUIRED or os.access(mounted[controller], os.W_OK):
                directory = mounted[controller] / full
                directory.mkdir(exist_ok=True)
                directories[controller] = directory
    except OSError as error:
        CgroupV1(directories).remove()
        raise LimitsUnavailable(f"no control group can be made in {mounted[controller]}: {error.strerror}") from error
    return CgroupV1(directories)


def _open_v2(full: str, root: Path, proc: Path) -> Cgroup:
    """Make a group of version 2 in the first place where that is allowed."""
    reasons = []
    for base in _bases(root, proc):
        outer = base / full
        try:
            _pass_on(base, root, proc)
            outer.mkdir(exist_ok=True)
            cgroup = CgroupV2(outer)
            (outer / cgroup_v2.SERVER).mkdir(exist_ok=True)
            write(outer / "cgroup.subtree_control", _wanted(outer))
        except (OSError, LimitsUnavailable) as error:
            with contextlib.suppress(OSError):
                (outer / cgroup_v2.SERVER).rmdir()
            with contextlib.suppress(OSError):
                outer.rmdir()
            reasons.append(str(error) if isinstance(error, LimitsUnavailable) else f"{base}: {error.strerror}")
        else:
            return cgroup
    raise LimitsUnavailable(f"no part of the control groups is this user's to divide ({'; '.join(reasons)})")


def own_path(proc: Path = PROC) -> str:
    """Return the group of version 2 that this process is in, as seen from the top of what it may see (cgroups(7))."""
    lines = text(proc / "self/cgroup").splitlines()
    return next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "/")


def _bases(root: Path, proc: Path) -> list[Path]:
    """Return where groups of version 2 might be made: at the top, and below the group that this process is in."""
    own = root / own_path(proc).lstrip("/")
    return list(dict.fromkeys([root, own.parent if own.name == OWN else own]))


def _pass_on(base: Path, root: Path, proc: Path) -> None:
    """Make cpu and memory available to groups below `base`.

    Raises
    ------
    LimitsUnavailable
        They are not available, or it is not this process's to divide.
    """
    if missing := cgroup_v2.REQUIRED - words(base / "cgroup.controllers"):
        raise LimitsUnavailable(f"{base} was not given the controllers {', '.join(sorted(missing))}")
    if not all(os.access(path, os.W_OK) for path in (base, base / "cgroup.procs", base / "cgroup.subtree_control")):
        raise LimitsUnavailable(f"{base} cannot be written")
    if words(base / "cgroup.subtree_control") >= cgroup_v2.REQUIRED:
        return
    try:
        (base / "cgroup.subtree_control").write_text(_wanted(base))
    except OSError as error:
        if error.errno != errno.EBUSY or (base == root and own_path(proc) != "/"):
            raise
        _make_room(base, proc, top=base == root)
        write(base / "cgroup.subtree_control", _wanted(base))


def _wanted(base: Path) -> str:
    """Return what is to be passed on: what is needed, and pids, which counts threads, where it is available."""
    return " ".join(f"+{name}" for name in sorted({*cgroup_v2.REQUIRED, "pids"} & words(base / "cgroup.controllers")))


def _make_room(base: Path, proc: Path, *, top: bool) -> None:
    """Move what runs in `base` into a group of its own.

    At the top of a container that is everything in it: its limits stay what they are. Elsewhere only this process and
    what it started may be moved.

    Raises
    ------
    LimitsUnavailable
        Something else runs there.
    """
    present = set(map(int, text(base / "cgroup.procs").split()))
    if others := {pid for pid in present if not (top and pid) and not _is_ours(pid, proc)}:
        raise LimitsUnavailable(f"other processes run in {base}, such as {min(others)}")
    main = base / OWN
    main.mkdir(exist_ok=True)
    for pid in sorted(present):
        with contextlib.suppress(ProcessLookupError):
            (main / "cgroup.procs").write_text(str(pid))


def _is_ours(pid: int, proc: Path) -> bool:
    """Return whether a process is this one, or was started by it."""
    while pid > 1 and pid != os.getpid():
        fields = text(proc / str(pid) / "stat").rpartition(")")[2].split()
        pid = int(fields[1]) if len(fields) > 1 else 0
    return pid == os.getpid()
