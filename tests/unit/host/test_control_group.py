"""What is written into the files of a control group, and what is read from them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from modelprofiler.errors import LimitsUnavailable
from modelprofiler.host.cgroup_v1 import CgroupV1
from modelprofiler.host.cgroup_v2 import CgroupV2
from modelprofiler.host.control_group import Reading, keyed_numbers

MIB = 2**20
Files = Callable[[dict[str, str]], None]

V2 = {
    "cpu.stat": "usage_usec 2500000\nuser_usec 2400000\nsystem_usec 100000\nnr_periods 40\nnr_throttled 10\n"
    "throttled_usec 812345\nnr_bursts 0\nburst_usec 0\n",
    "memory.current": f"{100 * MIB}\n",
    "memory.peak": f"{150 * MIB}\n",
    "memory.stat": f"anon {60 * MIB}\nfile {35 * MIB}\nkernel 4096\nactive_file {5 * MIB}\ninactive_file {30 * MIB}\n"
    f"file_mapped {20 * MIB}\npgfault 90\npgmajfault 7\n"
    f"shmem {MIB}\nslab_unreclaimable {MIB}\nkernel_stack 0\npagetables 0\nsock 0\n"
    f"slab_reclaimable {9 * MIB}\n",
    "memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n",
    "cgroup.threads": "11\n12\n13\n",
    "cgroup.procs": "11\n",
}
V1 = {
    "cpuacct.usage": "2500000000\n",
    "cpu.stat": "nr_periods 40\nnr_throttled 10\nthrottled_time 812345000\n",
    "memory.usage_in_bytes": f"{100 * MIB}\n",
    "memory.max_usage_in_bytes": f"{150 * MIB}\n",
    "memory.stat": f"cache 1\nrss 2\ninactive_file 3\ntotal_cache {35 * MIB}\ntotal_rss {60 * MIB}\n"
    f"mapped_file 4\npgmajfault 5\ntotal_inactive_file {30 * MIB}\ntotal_mapped_file {20 * MIB}\ntotal_pgmajfault 7\n"
    f"shmem 6\ntotal_shmem {2 * MIB}\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "tasks": "11\n12\n13\n",
}


@pytest.fixture
def v2(tmp_path: Path) -> tuple[CgroupV2, Path]:
    """Return a group of version 2 and the folder of its server's files."""
    inner = tmp_path / "run" / "server"
    inner.mkdir(parents=True)
    for name, text in V2.items():
        (inner / name).write_text(text)
    return CgroupV2(tmp_path / "run"), inner


@pytest.fixture
def v1(tmp_path: Path) -> tuple[CgroupV1, Path]:
    """Return a group of version 1, all of its controllers in one folder, and that folder."""
    for name, text in V1.items():
        (tmp_path / name).write_text(text)
    return CgroupV1(dict.fromkeys(("cpu", "cpuacct", "memory"), tmp_path)), tmp_path


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_both_versions_say_the_same(version: str, request: pytest.FixtureRequest) -> None:
    """The working set is all memory but inactive page cache, as cAdvisor and the kubelet have it."""
    cgroup, _ = request.getfixturevalue(version)
    reading = cgroup.read()
    expected = Reading(
        time=reading.time,
        cpu_seconds=2.5,
        periods=40,
        throttled_periods=10,
        memory_current=100 * MIB,
        working_set=70 * MIB,
        memory_peak=150 * MIB,
        anonymous=60 * MIB,
        page_cache=35 * MIB,
        oom_kills=2,
        threads=3,
        mapped_file=20 * MIB,
        major_faults=7,
        held=62 * MIB,
    )
    assert (version, expected) == (cgroup.version, reading)
    cgroup.close()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_file_that_is_not_there_is_a_missing_value(version: str, request: pytest.FixtureRequest) -> None:
    """Never zero: memory.peak came with Linux 5.19, and a removed group has nothing at all."""
    cgroup, directory = request.getfixturevalue(version)
    for path in directory.iterdir():
        path.unlink()
    reading = cgroup.read()
    assert Reading(time=reading.time) == reading
    assert cgroup.take_peak() is None


def test_numbers_are_found_by_their_key_alone() -> None:
    """Not by a part of it, and not where there is none."""
    assert (3, None) == keyed_numbers("total_inactive_file 1\ninactive_file 3\n", "inactive_file", "file")
    assert (None,) == keyed_numbers(None, "anything")


def test_limits_of_version_2(v2: tuple[CgroupV2, Path]) -> None:
    """Quota and period of 100 ms; memory without swap, where the kernel counts swap."""
    cgroup, inner = v2
    cgroup.set_cpu(250)
    cgroup.set_memory(64 * MIB)
    assert ("25000 100000", str(64 * MIB)) == ((inner / "cpu.max").read_text(), (inner / "memory.max").read_text())
    assert not (inner / "memory.swap.max").exists()
    (inner / "memory.swap.max").write_text("max")
    cgroup.set_memory(64 * MIB)
    assert "0" == (inner / "memory.swap.max").read_text()
    cgroup.set_cpu(None)
    cgroup.set_memory(None)
    assert ["max 100000", "max", "max"] == [
        (inner / name).read_text() for name in ("cpu.max", "memory.max", "memory.swap.max")
    ]


def test_limits_of_version_1(v1: tuple[CgroupV1, Path]) -> None:
    """The same, and the limit with swap equal to that without: nothing may be swapped."""
    cgroup, directory = v1
    for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
        (directory / name).write_text("9223372036854771712")
    cgroup.set_cpu(5)  # the kernel takes 1 ms at least
    cgroup.set_memory(64 * MIB)
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
    assert ["1000", "100000", str(64 * MIB), str(64 * MIB)] == [(directory / name).read_text() for name in names]
    cgroup.set_cpu(None)
    cgroup.set_memory(None)
    assert ["-1", "100000", "-1", "-1"] == [(directory / name).read_text() for name in names]


def test_where_swap_is_not_counted_nothing_is_put_there(v1: tuple[CgroupV1, Path]) -> None:
    """A kernel started without swapaccount has no limit with swap."""
    cgroup, directory = v1
    (directory / "memory.swappiness").write_text("60")
    cgroup.set_memory(64 * MIB)
    assert "0" == (directory / "memory.swappiness").read_text()


def test_a_limit_that_is_not_taken_is_reported_with_its_file(tmp_path: Path) -> None:
    """The kernel's word, in a sentence."""
    with pytest.raises(LimitsUnavailable, match=r"cannot write '25000 100000' to .*server/cpu\.max: No such file"):
        CgroupV2(tmp_path / "gone").set_cpu(250)


def test_the_peak_since_the_last_reading_comes_from_a_kernel_that_has_it(v1: tuple[CgroupV1, Path]) -> None:
    """Version 1 starts again when zero is written; the peak of all time is remembered."""
    cgroup, directory = v1
    assert 150 * MIB == cgroup.take_peak()
    assert "0" == (directory / "memory.max_usage_in_bytes").read_text()
    (directory / "memory.max_usage_in_bytes").write_text(f"{110 * MIB}\n")
    assert 110 * MIB == cgroup.take_peak()
    assert 150 * MIB == cgroup.read().memory_peak
    cgroup.close()


def test_an_older_kernel_of_version_2_tells_only_a_peak_that_is_new(
    v2: tuple[CgroupV2, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """memory.peak cannot be written there: it says something when it has risen, and nothing otherwise."""
    cgroup, inner = v2
    cgroup._peak_resets = False
    assert [150 * MIB, None] == [cgroup.take_peak(), cgroup.take_peak()]
    (inner / "memory.peak").write_text(f"{160 * MIB}\n")
    assert [160 * MIB, None] == [cgroup.take_peak(), cgroup.take_peak()]
    cgroup.close()


def test_a_process_joins_every_hierarchy(v1: tuple[CgroupV1, Path]) -> None:
    """By its number, written into cgroup.procs."""
    cgroup, directory = v1
    cgroup.add(4711)
    assert "4711" == (directory / "cgroup.procs").read_text()
    assert {4711} == cgroup.pids()
