"""Who made a control group, as its name says: process number, start time and PID namespace.

A run that was killed cannot remove its control groups. The next run reads from their names that their owner has ended.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import psutil

from modelprofiler.host.procfs import PROC

PREFIX = "modelprofiler-"
TICKS_PER_SECOND = 100
"""Precision of a start time: the clock ticks of procfs (proc_pid_stat(5), field 22) are 10 ms on every platform."""


def owner_prefix(proc: Path = PROC) -> str:
    """Return how the names of this process's groups begin; no other process, past or present, has the same prefix."""
    pid = os.getpid()
    return f"{PREFIX}{pid}-{start_ticks(pid)}-{_pid_namespace(proc)}"


def is_abandoned(name: str, proc: Path = PROC) -> bool:
    """Return whether the process that made the group `name` has ended; False where that cannot be known."""
    match = re.match(rf"{PREFIX}(\d+)-(\d+)-(\d+)-", name)
    if not match:
        return False
    pid, start, namespace = map(int, match.groups())
    try:
        return namespace == _pid_namespace(proc) and start_ticks(pid) != start
    except psutil.AccessDenied:  # procfs is mounted with hidepid
        return False


def start_ticks(pid: int) -> int:
    """Return when a process started, in hundredths of a second since boot; 0 when it has ended.

    Relative to boot: `psutil.Process.create_time` is a time of the day, which changes for a living process when the
    clock is set. The boot time comes first, because psutil before 7.1 computes `create_time` from the one read last.
    """
    boot = psutil.boot_time()
    try:
        created = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0
    return round((created - boot) * TICKS_PER_SECOND)


def descends_from_this_process(pid: int) -> bool:
    """Return whether a process is this one or was started by it, directly or through others."""
    while pid > 1 and pid != os.getpid():
        try:
            pid = psutil.Process(pid).ppid()
        except psutil.NoSuchProcess:
            return False
    return pid == os.getpid()


def _pid_namespace(proc: Path) -> int:
    """Return the number of the PID namespace, outside of which a process number means nothing; 0 if unknown."""
    try:
        return int(re.sub(r"\D", "", str((proc / "self/ns/pid").readlink())) or 0)
    except OSError:
        return 0
