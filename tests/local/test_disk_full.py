"""``modelprofiler run`` whose disk is full when it writes down a trial, and which goes on once there is room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.local import cost
from tests.machine import in_user_mode
from tests.ports import unused_port

from modelprofiler.api.resource import ModelProfile
from modelprofiler.host.owner import owner_prefix

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(in_user_mode(), reason="the same on every version of control groups"),
]

COMMAND = (sys.executable, "-m", "modelprofiler.cli")
DISK_KIB = 256
"""Room for a profile and for a trial or two."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of some kilobytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "none", str(disk)], check=True, timeout=10)
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True, timeout=10)


def test_it_says_so_leaves_nothing_running_and_goes_on_later(
    control_groups: None, small_disk: Path, tmp_path: Path, repository: Path
) -> None:
    """No trial that was written down before is lost or run again."""
    file = cost.write(tmp_path / "profile.yaml", repository, unused_port())
    kept = small_disk / "kept"
    command = [*COMMAND, "run", str(file), "--directory", str(kept), "--output", "json", "--wait", "600"]
    filler = small_disk / "filler"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not (kept / "trials" / "001.json").exists() and process.poll() is None:
            time.sleep(0.1)
        before = (kept / "trials" / "001.json").read_text(encoding="utf-8")
        subprocess.run(["sh", "-c", f"cat /dev/zero > {filler}"], check=False, capture_output=True)
        _, complaint = process.communicate(timeout=300)
    assert 1 == process.returncode, complaint
    assert "No space left on device" in complaint.strip().splitlines()[-1], complaint
    assert "Traceback" not in complaint
    mine = owner_prefix().rsplit("-", 2)[0].replace(str(os.getpid()), str(process.pid))
    assert [] == list(Path("/sys/fs/cgroup").glob(f"*/{mine}-*"))
    filler.unlink()
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False, timeout=600)
    profile = ModelProfile.parse(json.loads(resumed.stdout))
    assert 0 == resumed.returncode, resumed.stderr
    assert before == (kept / "trials" / "001.json").read_text(encoding="utf-8")
    assert list(range(1, len(profile.status.trials) + 1)) == [t.index for t in profile.status.trials]
