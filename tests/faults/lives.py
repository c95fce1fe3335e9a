"""What must hold of a run at every fault: nothing that was finished is lost or repeated, and nothing is left."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.e2e import support
from tests.e2e.support import ONE_SIZE, Object, Profile, Run, pods_started, wait_until_gone

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import Stage, Trial
from modelprofiler.cluster import names

START_SECONDS = 40.0
"""Seconds in which a load pod starts, on a busy machine too."""
LOADED_SECONDS = 4.0
"""Seconds of load before a fault: two of warm-up, and some requests of the window."""
TRUTH_SECONDS = 30.0
"""Seconds until the status is true again and deleted objects are gone."""


def measurement_of(trial: Trial) -> tuple[object, ...]:
    """Return what distinguishes one measurement from another."""
    return trial.index, trial.limits, trial.start_time, trial.load


@dataclass
class Life:
    """A run, from before a fault to its end."""

    profile: Profile
    uid: str
    before: ModelProfileStatus
    """When the fault was made."""
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, profile: Profile) -> Life:
        """Note a run as it is now."""
        body = profile.fetch()
        return cls(profile, body["metadata"]["uid"], profile.status())

    def verified(self, *, lost_trials: int = 0) -> str:
        """Wait until it is verified; check that nothing was lost, repeated or left, and say so.

        Parameters
        ----------
        lost_trials
            Trials, at most, that the fault itself may spoil, which are run again under another number.
        """
        status = self.profile.succeeded()
        self._check(status)
        spoilt = len(status.trials) - len(support.informative(status.trials))
        assert spoilt <= lost_trials + BUSY, [(t.outcome, t.message) for t in status.trials]
        outcomes = ", ".join(f"{t.index} {t.outcome}" for t in status.trials)
        return f"Verified {self._seconds()} s later; trials: {outcomes}; each sent once, nothing left"

    def ended(self, reason: str, within: float = support.PATIENCE) -> ModelProfileStatus:
        """Wait until it has ended without a recommendation for a reason; return its status."""
        status = self.profile.finished(within)
        self._check(status)
        succeeded = support.find_condition(status, "Succeeded")
        assert succeeded is not None
        assert ("False", reason) == (succeeded.status, succeeded.reason), succeeded.message
        assert [] == status.recommendations
        return status

    def longest_untruth(self, within: float = support.PATIENCE) -> float:
        """Wait until it has ended; return for how many seconds, at most, its status did not show that a load had ended.

        Whoever looks reads both at once, once a second.
        """
        longest, deadline = 0.0, time.monotonic() + within
        while True:
            assert time.monotonic() < deadline, f"not within {within:g} s: the end of the run\n{self.profile.story()}"
            kinds = ("get", "modelprofiles,jobs", "--namespace", self.profile.namespace, "-o", "json")
            read = self.profile.kubectl(*kinds, check=False)
            if read.returncode == 0:
                items = json.loads(read.stdout)["items"]
                mine = next(item for item in items if item["metadata"]["uid"] == self.uid)
                status = ModelProfile.parse(mine).status
                longest = max(longest, seconds_untrue(status, items))
                finished = support.find_condition(status, "Finished")
                if finished is not None and finished.status == "True":
                    return longest
            time.sleep(1)

    def _check(self, status: ModelProfileStatus) -> None:
        kept = [measurement_of(trial) for trial in self.before.trials]
        assert kept == [measurement_of(trial) for trial in status.trials[: len(kept)]], (
            "a finished trial was lost or changed"
        )
        assert list(range(1, len(status.trials) + 1)) == [trial.index for trial in status.trials]
        assert status.run_hash is not None
        mine = names.base(self.profile.read(), status.run_hash)
        started = pods_started(self.profile.kubectl, self.profile.namespace, "Job")
        loads = {job: pods for job, pods in started.items() if job.startswith(mine)}
        twice = {job: pods for job, pods in loads.items() if pods > 1}
        assert not twice, f"a load was sent twice: {twice}"
        assert len(loads) <= len(status.trials), f"{len(loads)} loads for {len(status.trials)} trials"
        self.gone()

    def gone(self, within: float = support.PATIENCE) -> float:
        """Wait until nothing of it is left but its report; return the seconds that it took."""
        took = wait_until_gone(lambda: support.children_of(self.profile.kubectl, self.profile.namespace, self.uid))
        assert took <= within, f"after {took:.0f} s its objects were gone, and not within {within:.0f}"
        return took

    def _seconds(self) -> str:
        return f"{time.monotonic() - self.began:.0f}"


def seconds_untrue(status: ModelProfileStatus, items: list[Object]) -> float:
    """Return how long ago the load ended that a trial of the status is still under; 0 where it is true."""
    active = status.active_trial
    if active is None or active.stage is not Stage.LOADING:
        return 0.0
    ends = [
        datetime.fromisoformat(condition["lastTransitionTime"])
        for item in items
        if item["kind"] == "Job" and (item["metadata"].get("labels") or {}).get(names.TRIAL) == str(active.index)
        for condition in (item.get("status") or {}).get("conditions") or []
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True"
    ]
    return max(((datetime.now(UTC) - end).total_seconds() for end in ends), default=0.0)


BUSY = 2
"""Trials that a busy machine spoils besides: they are repeated, and count for nothing."""


def short(name: str, server: Object | None = None, **spec: Any) -> Object:
    """Return a profile of one trial; its load has inline rows and lasts 18 s."""
    return support.cost_profile(name, server, **{"resources": ONE_SIZE, **spec})


def server_pod(profile: Profile) -> Object:
    """Return the pod of a run's server."""
    return _pod(profile, names.SERVER)


def load_pod(profile: Profile) -> Object:
    """Return the pod of a run's load."""
    return _pod(profile, names.LOAD)


def wait_under_load(profile: Profile) -> None:
    """Wait until the load of a profile's first trial has sent requests for some seconds."""
    profile.at_stage(Stage.LOADING, trial=1)
    # The status names a stage before its object exists, and the load must have begun.
    deadline = time.monotonic() + START_SECONDS
    while not any(pod["status"].get("phase") == "Running" for pod in _pods(profile, names.LOAD)):
        assert time.monotonic() < deadline, profile.story()
        time.sleep(support.POLL_SECONDS)
    time.sleep(LOADED_SECONDS)


def _pod(profile: Profile, component: str) -> Object:
    pods = _pods(profile, component)
    assert pods, f"{profile.name} has no pod of its {component}"
    return pods[0]


def _pods(profile: Profile, component: str) -> list[Object]:
    uid = profile.fetch()["metadata"]["uid"]
    selector = f"{names.children_selector(uid)},{names.COMPONENT}={component}"
    kind = ("pods", "--namespace", profile.namespace, "-l", selector)
    pods: list[Object] = json.loads(profile.kubectl("get", *kind, "-o", "json").stdout)["items"]
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def delete_pod(kubectl: Run, pod: Object) -> None:
    """Delete a pod by hand, without letting it end by itself."""
    meta = pod["metadata"]
    kubectl("delete", "pod", meta["name"], "--namespace", meta["namespace"], "--grace-period=0", "--force")
