"""A tenant fills the operator's memory, with everything that a tenant may create."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e import support, support_tenant
from tests.e2e.support import Object, Profile, Run
from tests.e2e.support_tenant import Forger, Operator
from tests.faults import lives
from tests.faults.lives import Life
from tests.faults.rows import Fault

from modelprofiler.api.resource import ModelProfile

Apply = Callable[[Object, str], Profile]

COUNT = 100
AT_ONCE = 10
PROFILE_BYTES = 1_450_000
POD_BYTES = 1_000_000


@Fault(
    "A tenant",
    f"{COUNT} profiles of 1.4 MB, and {COUNT} pods of 1 MB that are forged as children of a profile",
    "while another tenant's profile runs, and again after the operator's pod was deleted",
    "the operator stays below its memory limit (384 MiB); each profile is refused with a sentence; the run of the other"
    " tenant ends with its result",
)
def test_memory_is_not_filled(
    apply: Apply, namespace: str, kubectl: Run, tmp_path: Path, happened: Callable[[str], None]
) -> None:
    """All of them are read at once when the operator starts."""
    with support.fresh_namespace(kubectl) as hostile:
        tenant = support_tenant.become_tenant(kubectl, hostile, tmp_path)
        first = Operator.now(kubectl)
        life = Life.of(apply(lives.short("other"), namespace))
        for begin in range(0, COUNT, AT_ONCE):
            large = [support_tenant.large(f"large-{number}", PROFILE_BYTES) for number in range(begin, begin + AT_ONCE)]
            tenant("create", "-f", "-", input="\n".join(map(json.dumps, large)), timeout=120)
        forger = Forger(_small(Profile(tenant, hostile, "large-0").fetch()), "forged")
        for begin in range(0, COUNT, AT_ONCE):
            pods = [_pod(forger, number) for number in range(begin, begin + AT_ONCE)]
            tenant("create", "-f", "-", input="\n".join(map(json.dumps, pods)), timeout=120)
        assert 0 == first.restarts_since(), "the operator was killed"
        kubectl("delete", "pod", first.name, "--namespace", support.SYSTEM_NAMESPACE, "--wait=false")
        how = life.verified(lost_trials=1)
        second = Operator.now(kubectl)
        deadline = time.monotonic() + support.PATIENCE
        while (missing := _without_a_sentence(kubectl, hostile)) > 0:
            assert time.monotonic() < deadline, f"{missing} profiles have no sentence"
            time.sleep(2)
        used = second.memory()
        assert (second.restarts, True) == (0, used < support_tenant.OPERATOR_MEMORY)
        happened(f"{used / 2**20:.0f} MiB after the start with all of them; {how}")


def _small(raw: Object) -> ModelProfile:
    """Return a profile without what makes it too large to be read."""
    return ModelProfile.parse({**raw, "spec": support_tenant.large("small", 1)["spec"]})


def _pod(forger: Forger, number: int) -> Object:
    """Return a pod that is never scheduled, with an owner of a group that the garbage collector does not know."""
    owner = {"apiVersion": "example.com/v1", "kind": "Job", "name": "gone", "uid": f"gone-{number}", "controller": True}
    pod = forger.pod(f"forged-{number}", "load", owner, "", trial="1")
    pod["spec"] |= {"schedulingGates": [{"name": "example.com/never"}]}
    pod["spec"]["containers"][0]["env"] = [{"name": "X", "value": "x" * POD_BYTES}]
    return pod


def _without_a_sentence(kubectl: Run, namespace: str) -> int:
    path = "jsonpath={range .items[*]}{.status.conditions[0].reason}{'\\n'}{end}"
    reasons = kubectl("get", "modelprofiles", "--namespace", namespace, "-o", path, timeout=120).stdout.split()
    return COUNT - reasons.count("InvalidSpec")
