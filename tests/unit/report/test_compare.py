"""A new version is more expensive when what is paid for grew by more than was allowed."""

from tests.unit.report import runs

from modelprofiler.api.load import ClosedLoop
from modelprofiler.report.compare import Difference, compare, differences, render
from modelprofiler.report.record import RunRecord


def test_a_run_against_itself_has_not_changed() -> None:
    """By no figure."""
    changes = compare(runs.verified(), runs.verified())
    assert {0.0} == {change.percent for change in changes}
    assert not any(change.exceeds(0) for change in changes)


def test_what_grew_too_much_is_named() -> None:
    """Memory from 224Mi to 288Mi; CPU stayed."""
    changes = compare(runs.verified(), runs.killed())
    assert ["recommended memory", "peak of memory"] == [c.name for c in changes if c.exceeds(10)]
    text = render(changes, 10)
    assert "recommended memory 224Mi 288Mi +28.6% !" in " ".join(text.split())
    assert text.endswith("Grew by more than 10%: recommended memory, peak of memory.")


def test_a_new_version_without_a_recommendation_is_worse() -> None:
    """Whatever it costs."""
    changes = compare(runs.verified(), runs.infeasible())
    assert ["recommended CPU", "recommended memory"] == [c.name for c in changes if c.exceeds(1000)]
    assert render(changes, 1000).endswith("The new run does not have: recommended CPU, recommended memory.")


def test_unlike_runs_are_distinguished() -> None:
    """What was asked for, with which rows, where, and with which version; the server itself is what is compared."""
    old = runs.verified()
    assert [] == differences(old, old)
    status = old.profile.status
    assert status.provenance is not None
    assert status.dataset is not None
    provenance = status.provenance.model_copy(
        update={"cpu_model": "Intel Xeon", "modelprofiler_version": "0.2.0", "image": "other", "node": "node-2"}
    )
    dataset = status.dataset.model_copy(update={"distinct_rows": 40})
    spec = old.profile.spec
    load = spec.load.model_copy(update={"open_loop": None, "closed_loop": ClosedLoop(concurrency=4)})
    changes = {
        "status": status.model_copy(update={"provenance": provenance, "dataset": dataset}),
        "spec": spec.model_copy(update={"load": load}),
        "metadata": old.profile.metadata.model_copy(update={"name": "other"}),
    }
    new = RunRecord(old.profile.model_copy(update=changes), old.details)
    entries = differences(old, new)
    assert ["Profile", "Load", "Dataset", "CPU model", "modelprofiler"] == [difference.name for difference in entries]
    text = render(compare(old, new), 10, entries)
    assert "Nothing grew by more than 10%.\n\nThe runs are not alike" in text
    assert "  - CPU model: AMD EPYC 7B13 before, Intel Xeon now" in text
    assert "  - Load: 50 requests/s, Poisson arrivals before, 4 clients in a closed loop now" in text


def test_what_only_one_run_knows_is_a_difference() -> None:
    """Where a run was measured is known of a verified size alone, and is then not compared."""
    old, new = runs.verified(), runs.infeasible()
    assert ["Objectives"] == [difference.name for difference in differences(old, new)]
    status = new.profile.status.model_copy(update={"provenance": None})
    bare = RunRecord(new.profile.model_copy(update={"status": status}), new.details)
    assert Difference("CPU model", "AMD EPYC 7B13", None) in differences(old, bare)


def test_latency_is_shown_and_does_not_count() -> None:
    """A smaller size that meets the objective is no worse for being slower than a larger one."""
    latency = compare(runs.killed(), runs.verified())[-1]
    assert latency.percent is not None
    assert ("p95 latency", True, False) == (latency.name, latency.percent > 100, latency.exceeds(10))


def test_a_figure_that_the_old_run_lacks_is_not_judged() -> None:
    """There is nothing to compare with."""
    changes = compare(runs.infeasible(), runs.verified())
    assert [False, False] == [c.exceeds(0) for c in changes[:2]]
