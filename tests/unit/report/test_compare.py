"""A new version is more expensive when what is paid for grew by more than was allowed."""

from tests.unit.report import runs

from modelprofiler.report.compare import compare, render


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


def test_latency_is_shown_and_does_not_count() -> None:
    """A smaller size that meets the objective is no worse for being slower than a larger one."""
    latency = compare(runs.killed(), runs.verified())[-1]
    assert latency.percent is not None
    assert ("p95 latency", True, False) == (latency.name, latency.percent > 100, latency.exceeds(10))


def test_a_figure_that_the_old_run_lacks_is_not_judged() -> None:
    """There is nothing to compare with."""
    changes = compare(runs.infeasible(), runs.verified())
    assert [False, False] == [c.exceeds(0) for c in changes[:2]]
