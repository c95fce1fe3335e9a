"""What the machine under the generator is, and how busy it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelprofiler.load.machine import procfs
from modelprofiler.load.machine.procfs import CpuTimes


def test_shares_are_of_all_cpu_time_and_steal_is_not_busy() -> None:
    """Busy and stolen time are separate, and idle time is what is left."""
    before, after = CpuTimes(busy=10, steal=1, idle=100), CpuTimes(busy=16, steal=2, idle=103)

    assert before.busy_share(after) == (0.6, 0.1)


def test_no_time_passed_is_no_share() -> None:
    """Two readings within one tick say nothing, which is not zero."""
    now = CpuTimes(1, 1, 1)

    assert now.busy_share(now) is None


def test_waiting_for_disks_is_idle(tmp_path: Path) -> None:
    """I/O wait leaves the CPU to others."""
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 100 300 100 0 0 50 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n")

    times = CpuTimes.now(stat)

    assert times is not None
    assert (200, 50, 400) == pytest.approx((100 * times.busy, 100 * times.steal, 100 * times.idle), rel=0.01)


def test_a_machine_without_proc_tells_nothing(tmp_path: Path) -> None:
    """Missing is not zero."""
    assert CpuTimes.now(tmp_path / "none") is None
    assert procfs.cpu_model(tmp_path / "none") is None
    assert procfs.oom_kills(tmp_path / "none") is None


def test_the_kernel_counts_whom_it_killed_for_memory(tmp_path: Path) -> None:
    """One line of many; a kernel that is older than the count has none."""
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("pgmajfault 12\noom_kill 7\nnuma_hit 5\n")
    assert 7 == procfs.oom_kills(vmstat)
    vmstat.write_text("pgmajfault 12\n")
    assert procfs.oom_kills(vmstat) is None


def test_the_real_proc_is_read() -> None:
    """On any Linux."""
    assert CpuTimes.now() is not None
    assert procfs.oom_kills() is not None
