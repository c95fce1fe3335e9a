"""The main job: examples/digits.yaml as it is, from `kubectl apply` to a verified size in `kubectl get`."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from benchmarks.claims.recorded import unproved
from tests.e2e.support import Profile, Run, find_condition, trial_with, wait_until_gone
from tests.e2e.support_cost import OperatorCost

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import Outcome, Purpose, Trial
from modelprofiler.core.axis import cpu_axis, memory_axis
from modelprofiler.report.record import TrialRecord

NAME = "digits"
MOST_TRIALS = 20
"""search.maxTrials of the example: a busy machine makes some say nothing. How many there were is printed."""


@dataclass(frozen=True)
class Example:
    """The example, applied and finished."""

    profile: Profile
    status: ModelProfileStatus
    written: ModelProfile
    """As it is in the file."""
    cost: OperatorCost
    """Of the operator while it ran."""


@pytest.fixture(scope="module")
def example(kubectl: Run, repository: Path, module_namespace: str, note: Callable[[str], None]) -> Example:
    """Apply the file and wait for the end."""
    path = repository / "examples" / "digits.yaml"
    documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    written = ModelProfile.parse(next(d for d in documents if d["kind"] == "ModelProfile"))
    before, began = OperatorCost.now(kubectl), time.monotonic()
    kubectl("apply", "--namespace", module_namespace, "-f", str(path))
    profile = Profile(kubectl, module_namespace, NAME)
    try:
        status = profile.succeeded(within=1300)
    finally:
        _tell(note, profile.status().trials, time.monotonic() - began)
        cost = OperatorCost.now(kubectl).since(before)
        share, mebibytes = cost.cpu_seconds / cost.at, cost.working_set / 2**20
        note(f"digits: the operator used {share:.1%} of a core (2% at most) and {mebibytes:.0f} MiB (200 at most)")
        note(f"digits: {cost.writes} writes to the API server (10 a trial at most) and {cost.reads} reads")
        note(f"digits: {len(status.trials)} trials; writes: {cost.writes_by_kind}")
    return Example(profile, status, written, cost)


def _tell(note: Callable[[str], None], trials: list[Trial], seconds: float) -> None:
    note(f"digits: {len(trials)} trials (8 at most) in {seconds:.0f} s (360 at most)")
    for row in trials:
        took = (row.completion_time - row.start_time).total_seconds()
        note(
            f"digits: {row.index} {row.purpose} {row.limits.cpu} {row.limits.memory} {row.outcome} {took:.0f} s, fresh"
            f" {row.fresh}: {row.message}"
        )
    idle = [(after.start_time - before.completion_time).total_seconds() for before, after in pairwise(trials)]
    note(f"digits: longest pause between trials {max(idle, default=0):.1f} s (3 at most)")


def test_the_example_is_verified_within_its_trials(example: Example) -> None:
    """Succeeded=True, reason Verified."""
    succeeded = find_condition(example.status, "Succeeded")
    assert succeeded is not None
    assert ("True", "Verified") == (succeeded.status, succeeded.reason)
    assert len(example.status.trials) <= MOST_TRIALS
    assert len(example.status.trials) == example.status.trials_completed


def test_the_size_recommended_is_one_of_the_range(example: Example) -> None:
    """A step of the CPU range and a step of the memory range; requests are limits."""
    (recommendation,) = example.status.recommendations
    resources = example.written.spec.resources
    assert resources.cpu is not None
    assert resources.memory is not None
    assert recommendation.requests == recommendation.limits
    assert recommendation.limits.cpu is not None
    assert recommendation.limits.memory is not None
    assert recommendation.limits.cpu.millicores in cpu_axis(resources.cpu)
    assert recommendation.limits.memory.bytes in memory_axis(resources.memory)
    assert recommendation.explanation


def _verification(example: Example) -> Trial:
    """Return the trial that the verification names."""
    (recommendation,) = example.status.recommendations
    assert recommendation.verification is not None
    trial = example.status.trials[recommendation.verification.trial - 1]
    assert recommendation.verification.trial == trial.index
    return trial


def test_a_fresh_trial_at_exactly_this_size_has_passed(example: Example) -> None:
    """The trial that the verification names: a Confirm trial, or one that happened to be at this very size."""
    trial = _verification(example)
    assert Outcome.PASSED == trial.outcome
    assert example.status.recommendations[0].limits == trial.limits
    assert trial.fresh


def test_every_sentence_is_shown_by_the_trials(example: Example) -> None:
    """Of the explanation, of how the run ended, and of each trial."""
    assert [] == unproved(example.profile.read(), "Cluster")


def test_every_row_says_what_was_judged_and_how_certain_it_is(example: Example) -> None:
    """A value with both ends of its interval, for every trial that the requests decided."""
    for row in example.status.trials:
        if row.outcome not in (Outcome.PASSED, Outcome.SLOW):
            assert row.message
            continue
        assert row.judged is not None
        assert "p95" == row.judged.metric
        assert "250ms" == row.judged.threshold
        assert row.judged.value
        if row.load is not None and row.load.stopped_early != "Overload":
            assert None not in (row.judged.low, row.judged.high), row


def test_every_row_of_the_requests_is_replayed(example: Example) -> None:
    """All 719 of them, in the reference trial; none fails."""
    reference = trial_with(example.status, Purpose.REFERENCE)
    assert example.status.dataset is not None
    assert reference.load is not None
    assert 719 == example.status.dataset.rows == example.status.dataset.distinct_rows == reference.load.rows_covered
    assert 0 == reference.load.failures


def test_the_rows_that_the_result_rests_on_have_their_usage(example: Example) -> None:
    """CPU, CPU time a request, memory, throttling, threads and time to ready: of the reference and of what verifies."""
    for row in (trial_with(example.status, Purpose.REFERENCE), _verification(example)):
        assert row.usage is not None
        measured = row.usage.cpu, row.usage.cpu_time_per_request, row.usage.memory, row.usage.throttled_percent
        assert None not in (*measured, row.usage.threads, row.usage.source, row.time_to_ready), row


def test_the_report_has_every_trial_in_full(example: Example) -> None:
    """One entry a trial, with the row of the status and what the load generator left."""
    entries = sorted(example.profile.report().items())
    assert [row.to_dict() for row in example.status.trials] == [entry["trial"] for _, entry in entries]
    reference = entries[0][1]["load"]
    assert reference["result"]
    assert reference["windowEnded"] > reference["windowStarted"] > reference["warmupStarted"]


def _command(*arguments: str) -> str:
    """Run one of our commands against the cluster, as a person does; return what it prints."""
    command = [sys.executable, "-m", "modelprofiler.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_whole_run_is_read_from_the_cluster(example: Example, module_namespace: str) -> None:
    """Rows, histograms and, of the trials that the result rests on, samples of CPU and memory."""
    report = json.loads(_command("report", NAME, "--namespace", module_namespace, "--output", "json"))
    assert [row.to_dict() for row in example.status.trials] == [trial["trial"] for trial in report["trials"]]
    records = [TrialRecord.from_dict(trial) for trial in report["trials"]]
    for index in (trial_with(example.status, Purpose.REFERENCE).index, _verification(example).index):
        record = records[index - 1]
        assert record.load is not None
        assert record.load.histogram.n > 0
        assert min(len(record.memory), len(record.cpu_seconds)) >= 2, record


def test_the_page_of_the_run_is_written(example: Example, module_namespace: str, tmp_path: Path) -> None:
    """With every chart."""
    file = tmp_path / "digits.html"
    _command("report", NAME, "--namespace", module_namespace, "--output", "html", "--file", str(file))
    assert 5 == file.read_text(encoding="utf-8").count("<figure ")


def test_the_patch_is_what_is_recommended(example: Example, module_namespace: str) -> None:
    """Requests and limits of the named container."""
    patch = yaml.safe_load(_command("patch", NAME, "--namespace", module_namespace, "--workload", "Deployment/x"))
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    assert example.status.recommendations[0].limits.to_dict() == container["resources"]["limits"]


def test_the_table_shows_the_result(example: Example, kubectl: Run, module_namespace: str) -> None:
    """NAME SUCCEEDED REASON TRIALS CPU MEMORY P95 ROWS AGE."""
    header, row = kubectl("get", "modelprofiles", "--namespace", module_namespace).stdout.splitlines()
    assert ["NAME", "SUCCEEDED", "REASON", "TRIALS", "CPU", "MEMORY", "P95", "ROWS", "AGE"] == header.split()
    limits = example.status.recommendations[0].limits
    expected = [NAME, "True", "Verified", str(len(example.status.trials)), str(limits.cpu), str(limits.memory)]
    assert expected == row.split()[:6]
    p95 = row.split()[6]
    assert p95.endswith("ms"), p95
    assert 0 < float(p95.removesuffix("ms")) <= 250


def test_describe_tells_the_story(example: Example) -> None:
    """An event for each trial, and one for the end, each at its time."""
    events = example.profile.events()
    finished = [event for event in events if event["reason"] == "TrialFinished"]
    assert len(example.status.trials) == len(finished)
    for row, event in zip(example.status.trials, finished, strict=True):
        assert event["message"].startswith(
            f"Trial {row.index} ({row.purpose}) at {row.limits.cpu} CPU and {row.limits.memory}: "
        )
    (end,) = (event for event in events if event["reason"] == "Verified")
    assert finished[-1]["firstTimestamp"] <= end["firstTimestamp"]


def test_nothing_but_the_report_is_left(example: Example) -> None:
    """Deployments, Jobs, pods and the ConfigMap of inline files are gone."""
    wait_until_gone(example.profile.children)
    assert example.profile.report()


def test_where_the_numbers_come_from_is_recorded(example: Example) -> None:
    """Digests of all that went in, and the node."""
    provenance = example.status.provenance
    assert provenance is not None
    assert None not in (
        *(provenance.image, provenance.model_digest, provenance.code_digest, provenance.dataset_digest),
        *(provenance.node, provenance.kernel, provenance.kubelet_version, provenance.modelprofiler_version),
    )


def test_the_object_is_as_its_user_wrote_it(example: Example) -> None:
    """No finalizer, no annotation, no other spec: only the status is the operator's."""
    stored = example.profile.fetch()
    assert "finalizers" not in stored["metadata"]
    assert {"kubectl.kubernetes.io/last-applied-configuration"} == set(stored["metadata"]["annotations"])
    assert stored["metadata"]["generation"] == 1
    assert example.written.spec == ModelProfile.parse(stored).spec


def test_the_operator_writes_little(example: Example) -> None:
    """At most 10 requests that change something for each trial, events and what a fresh pod needs included."""
    trials = len(example.status.trials)
    assert example.cost.writes <= 10 * trials, f"{trials} trials: {example.cost.writes_by_kind}"


def test_the_operator_stays_small(example: Example) -> None:
    """Under 200 MiB."""
    assert example.cost.working_set < 200 * 2**20
