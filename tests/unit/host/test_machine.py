"""The machine bounds the range of a profile, and is the default range."""

from pathlib import Path

import pytest

from modelprofiler.api.ranges import Resources
from modelprofiler.api.status import EffectiveResources
from modelprofiler.host.machine import Machine, effective, scarce, this_machine

MI = 2**20
MACHINE = Machine(cpu=4000, memory=8192 * MI, free=4096 * MI)


def test_the_default_range_leaves_a_core_and_memory_for_the_load() -> None:
    """A core and half a gibibyte are for the load generator."""
    resources = effective(Resources(), MACHINE)
    assert isinstance(resources, EffectiveResources)
    assert {"min": "100m", "max": "3", "step": "50m"} == resources.to_dict()["cpu"]
    memory = resources.to_dict()["memory"]["values"]
    assert ("128Mi", "3584Mi") == (memory[0], memory[-1])


def test_on_one_core_both_share_it() -> None:
    """There is no other."""
    resources = effective(Resources(), Machine(1000, 8192 * MI, 4096 * MI))
    assert isinstance(resources, EffectiveResources)
    assert "1" == str(resources.cpu.max)


def test_limits_above_the_machine_are_each_a_problem() -> None:
    """With what the machine has."""
    profile_resources = Resources.model_validate({"cpu": {"values": ["8"]}, "memory": {"values": ["9Gi"]}})
    resources = effective(profile_resources, MACHINE)
    assert [
        "spec.resources.cpu: 8 is more than the 4 CPU that this machine has",
        "spec.resources.memory: 9Gi is more than the 8Gi of memory that this machine has (4Gi free)",
    ] == list(map(str, resources))


def test_memory_that_others_use_now_is_a_warning() -> None:
    """A limit reserves nothing."""
    resources = effective(Resources.model_validate({"memory": {"values": ["6Gi"]}}), MACHINE)
    assert isinstance(resources, EffectiveResources)
    assert "only 4Gi of memory is free now" in (scarce(resources, MACHINE) or "")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_in_a_container_its_limits_count(tmp_path: Path, version: str) -> None:
    """Those of the control group and of every one around it, as version 1 and version 2 write them."""
    proc, root = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    if version == "v2":
        (proc / "self/cgroup").write_text("0::/outer/inner\n")
        files = {"outer/cpu.max": "50000 100000", "outer/inner/cpu.max": "max 100000", "outer/memory.max": f"{64 * MI}"}
        files |= {"outer/memory.current": f"{16 * MI}", "outer/inner/memory.max": "max"}
    else:
        (proc / "self/cgroup").write_text("4:memory:/outer/inner\n3:cpu,cpuacct:/outer/inner\n")
        lines = [f"30 25 0:26 / {root}/{at} rw - cgroup cgroup rw,{n}" for at, n in (("cpu", "cpu"), ("mem", "memory"))]
        (proc / "self/mountinfo").write_text("\n".join(lines))
        files = {"cpu/outer/cpu.cfs_quota_us": "50000", "cpu/outer/cpu.cfs_period_us": "100000"}
        files |= {"mem/outer/memory.limit_in_bytes": f"{64 * MI}", "mem/outer/memory.usage_in_bytes": f"{16 * MI}"}
        files |= {
            "mem/outer/inner/memory.limit_in_bytes": "9223372036854771712",
            "cpu/outer/inner/cpu.cfs_quota_us": "-1",
        }
    for name, value in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(value + "\n")
    assert Machine(500, 64 * MI, 48 * MI) == this_machine(root, proc)
