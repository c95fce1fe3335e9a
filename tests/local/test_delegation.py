"""An ordinary user, who may not make control groups: systemd delegates some to ``modelprofiler run``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.local import cost
from tests.ports import unused_port

from modelprofiler.api.resource import ModelProfile
from modelprofiler.errors import LimitsUnavailable
from modelprofiler.host.cgroup import open_cgroup
from modelprofiler.host.procfs import CGROUP_ROOT, own_cgroup

pytestmark = pytest.mark.timeout(900)

SCOPE = ["systemd-run", "--user", "--scope", "--quiet", "-p", "Delegate=yes", "--"]


@pytest.fixture(scope="module")
def delegated() -> None:
    """Skip where this user may make control groups anyway, or where no systemd delegates any."""
    if os.geteuid() == 0:
        pytest.skip("root may make control groups without being asked")
    try:
        open_cgroup("test").remove()
    except LimitsUnavailable:
        pass
    else:
        pytest.skip("this process is in a part of the hierarchy that was delegated already")
    if not shutil.which(SCOPE[0]) or subprocess.run([*SCOPE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no systemd of this user can be reached, or it does not delegate")


def test_the_command_measures_with_limits_in_a_scope_of_its_own(
    delegated: None, tmp_path: Path, repository: Path
) -> None:
    """Verified, from the counters of a control group; afterwards the scope is gone."""
    file = cost.write(tmp_path / "profile.yaml", repository, unused_port())
    command = [sys.executable, "-m", "modelprofiler", "run", str(file), "--directory", str(tmp_path / "kept")]
    completed = subprocess.run(
        [*command, "--output", "json", "--wait", "600"], capture_output=True, text=True, check=False, timeout=600
    )
    assert 0 == completed.returncode, completed.stderr
    status = ModelProfile.parse(json.loads(completed.stdout)).status
    (recommendation,) = status.recommendations
    assert recommendation.verification is not None
    assert {"Cgroup"} == {t.usage.source for t in status.trials if t.usage is not None}
    assert "without limits" not in completed.stderr
    left = subprocess.run(["systemctl", "--user", "list-units", "--type=scope", "--plain", "--no-legend"],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    assert "modelprofiler" not in left


def test_in_a_delegated_scope_a_group_is_made_next_to_its_processes(delegated: None, repository: Path) -> None:
    """Groups that pass controllers on have no processes: those of the scope move into a group of their own."""
    program = (
        "from modelprofiler.host.cgroup import open_cgroup\n"
        "from modelprofiler.host.procfs import own_cgroup\n"
        "cgroup = open_cgroup('test')\n"
        "cgroup.set_cpu(250); cgroup.set_memory(64 << 20)\n"
        "print(cgroup.version, cgroup.directories[0], own_cgroup(), cgroup.remove())"
    )
    completed = subprocess.run(
        [*SCOPE, sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert 0 == completed.returncode, completed.stderr
    version, directory, own_group, removed = completed.stdout.split()
    assert ("v2", "True") == (version, removed)
    assert Path(directory).parent == CGROUP_ROOT / Path(own_group).parent.relative_to("/")
    assert own_cgroup() not in own_group, "this process is where it was"
