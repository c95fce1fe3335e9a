"""Makes a control group for a server, and removes the groups that earlier runs left behind.

This module determines which version of control groups the machine has, and where this process may make a group.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from modelprofiler.errors import LimitsUnavailable
from modelprofiler.host import cgroup_v1, cgroup_v2
from modelprofiler.host.cgroup_v1 import CgroupV1
from modelprofiler.host.cgroup_v2 import CgroupV2
from modelprofiler.host.control_group import Cgroup, Reading, write
from modelprofiler.host.owner import PREFIX, descends_from_this_process, is_abandoned, owner_prefix
from modelprofiler.host.procfs import CGROUP_ROOT, PROC, controller_mounts, own_cgroup, read_text, read_tokens

__all__ = ["Cgroup", "Reading", "open_cgroup", "remove_stale"]

MAIN_GROUP = "modelprofiler.main"
"""The group that this process moves itself into, in a part of the hierarchy that was delegated to it: a group that
passes controllers on must not contain processes (cgroups(7), "no internal processes")."""
MAX_NAME_LENGTH = 60
"""Of the part of a group's name that says what it is for; a file name has at most 255 characters."""


def open_cgroup(name: str, root: Path = CGROUP_ROOT, proc: Path = PROC) -> Cgroup:
    """Make a control group without limits, after removing the groups of runs that have ended.

    It is of version 2 where cpu and memory belong to version 2 and this process may write to a part of the hierarchy
    (`scope.enter_scope` asks systemd to delegate one); otherwise of version 1, which needs root.

    Parameters
    ----------
    name
        What the group is for; becomes part of its name.
    root
        Where version 2 is mounted.
    proc
        Where procfs is mounted.

    Raises
    ------
    LimitsUnavailable
        No group can be made; the message says why.
    """
    remove_stale(root, proc)
    full_name = f"{owner_prefix(proc)}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:MAX_NAME_LENGTH]}"
    if read_tokens(root / "cgroup.controllers") >= cgroup_v2.REQUIRED:
        return _open_v2(full_name, root, proc)
    return _open_v1(full_name, proc)


def remove_stale(root: Path = CGROUP_ROOT, proc: Path = PROC) -> int:
    """Remove the groups whose owner has ended, with the processes in them, and return how many there were."""
    v1_groups: dict[str, dict[str, Path]] = {}
    mounted = controller_mounts(read_text(proc / "self/mountinfo"))
    for controller in (*cgroup_v1.REQUIRED, *cgroup_v1.OPTIONAL):
        for directory in _groups_of_runs(mounted.get(controller)):
            v1_groups.setdefault(directory.name, {})[controller] = directory
    stale: list[Cgroup] = [CgroupV1(dirs) for name, dirs in v1_groups.items() if is_abandoned(name, proc)]
    bases = _bases(root, proc)
    # A run in a systemd scope left its groups in that scope, which lives on as long as there are processes in it.
    scopes = {scope for base in bases[1:] for scope in base.parent.glob("*.scope")}
    stale += [CgroupV2(d) for base in {*bases, *scopes} for d in _groups_of_runs(base) if is_abandoned(d.name, proc)]
    for cgroup in stale:
        cgroup.kill()
        cgroup.remove()
    return len(stale)


def _groups_of_runs(base: Path | None) -> Iterator[Path]:
    """Return the groups in `base` that a run has made."""
    return base.glob(f"{PREFIX}*-*") if base else iter(())


def _open_v1(name: str, proc: Path) -> Cgroup:
    """Make a group of version 1 at the top of each mounted hierarchy; in a container that is the container's own."""
    mounted = controller_mounts(read_text(proc / "self/mountinfo"))
    if missing := [controller for controller in cgroup_v1.REQUIRED if controller not in mounted]:
        raise LimitsUnavailable(
            f"the controllers {', '.join(missing)} of control groups are not mounted" if mounted else _no_groups()
        )
    if closed := [mounted[c] for c in cgroup_v1.REQUIRED if not os.access(mounted[c], os.W_OK)]:
        raise LimitsUnavailable(f"only root may make control groups of version 1, and {_not_writable(closed[0])}")
    optional = [c for c in cgroup_v1.OPTIONAL if c in mounted and os.access(mounted[c], os.W_OK)]
    directories: dict[str, Path] = {}
    try:
        for controller in (*cgroup_v1.REQUIRED, *optional):
            directory = mounted[controller] / name
            directory.mkdir(exist_ok=True)
            directories[controller] = directory
    except OSError as error:
        CgroupV1(directories).remove()
        raise LimitsUnavailable(f"no control group can be made in {mounted[controller]}: {error.strerror}") from error
    return CgroupV1(directories)


def _open_v2(name: str, root: Path, proc: Path) -> Cgroup:
    """Make a group of version 2 in the first place where that is allowed."""
    reasons = []
    for base in _bases(root, proc):
        outer = base / name
        try:
            _enable_controllers(base, root, proc)
            outer.mkdir(exist_ok=True)
            cgroup = CgroupV2(outer)
            (outer / cgroup_v2.SERVER).mkdir(exist_ok=True)
            write(outer / "cgroup.subtree_control", _controllers_to_enable(outer))
        except (OSError, LimitsUnavailable) as error:
            with contextlib.suppress(OSError):
                (outer / cgroup_v2.SERVER).rmdir()
            with contextlib.suppress(OSError):
                outer.rmdir()
            reasons.append(str(error) if isinstance(error, LimitsUnavailable) else f"{base}: {error.strerror}")
        else:
            return cgroup
    raise LimitsUnavailable(f"this user may not make control groups in any place ({'; '.join(reasons)})")


def _no_groups() -> str:
    """Return why no control groups are mounted."""
    if sys.platform.startswith("linux"):
        return f"no control groups are mounted at {CGROUP_ROOT}, which a container may lack"
    return "this system has no control groups (they are part of Linux)"


def _not_writable(directory: Path) -> str:
    """Return why no group can be made in a directory: of this user, or of anybody in this container."""
    with contextlib.suppress(OSError):
        if os.statvfs(directory).f_flag & os.ST_RDONLY:
            return (
                f"{directory} is mounted read-only, as in most containers (docker run --privileged and a container of "
                "Kubernetes with securityContext.privileged mount it writable)"
            )
    return f"{directory} is not writable"


def _bases(root: Path, proc: Path) -> list[Path]:
    """Return where groups of version 2 may be made: at the top, and in the group of this process."""
    own = root / own_cgroup(proc).lstrip("/")
    return list(dict.fromkeys([root, own.parent if own.name == MAIN_GROUP else own]))


def _enable_controllers(base: Path, root: Path, proc: Path) -> None:
    """Make cpu and memory available to the groups in `base`.

    Raises
    ------
    LimitsUnavailable
        They are not available in `base`, or this process may not pass them on.
    """
    if missing := cgroup_v2.REQUIRED - read_tokens(base / "cgroup.controllers"):
        raise LimitsUnavailable(f"{base} does not have the controllers {', '.join(sorted(missing))}")
    if not all(os.access(path, os.W_OK) for path in (base, base / "cgroup.procs", base / "cgroup.subtree_control")):
        raise LimitsUnavailable(_not_writable(base))
    if read_tokens(base / "cgroup.subtree_control") >= cgroup_v2.REQUIRED:
        return
    try:
        (base / "cgroup.subtree_control").write_text(_controllers_to_enable(base))
    except OSError as error:
        if error.errno != errno.EBUSY or (base == root and own_cgroup(proc) != "/"):
            raise
        _move_processes_out(base, top=base == root)
        write(base / "cgroup.subtree_control", _controllers_to_enable(base))


def _controllers_to_enable(base: Path) -> str:
    """Return what to write into cgroup.subtree_control: what is required and, if available, pids: it counts threads."""
    available = read_tokens(base / "cgroup.controllers")
    return " ".join(f"+{name}" for name in sorted({*cgroup_v2.REQUIRED, "pids"} & available))


def _move_processes_out(base: Path, *, top: bool) -> None:
    """Move the processes in `base` into a group of their own.

    At the top of a container every process belongs to it, and its limits stay what they are. Elsewhere only this
    process and its descendants may be moved.

    Raises
    ------
    LimitsUnavailable
        Another process runs there.
    """
    pids = set(map(int, read_text(base / "cgroup.procs").split()))
    # At the top, 0 is a process of another PID namespace, outside of the container.
    if others := {pid for pid in pids if not (top and pid) and not descends_from_this_process(pid)}:
        raise LimitsUnavailable(f"other processes run in {base}, such as {min(others)}")
    main = base / MAIN_GROUP
    main.mkdir(exist_ok=True)
    for pid in sorted(pids):
        with contextlib.suppress(ProcessLookupError):
            (main / "cgroup.procs").write_text(str(pid))
