"""A program reads a run by its fields, a notebook shows it."""

import sys
from pathlib import Path

import pytest
from tests.unit.report import runs
from tests.unit.report.test_page import Tree

import modelprofiler.report
from modelprofiler.errors import ModelProfilerError
from modelprofiler.report.result import Result


def test_a_run_that_succeeded_has_a_recommendation() -> None:
    """With its reason."""
    result = Result(runs.verified())
    assert result.recommendation is not None
    assert (True, "Verified", "400m", 5) == (
        result.succeeded,
        result.reason,
        str(result.recommendation.requests.cpu),
        len(result.trials),
    )
    assert str(result).startswith("digits: Verified\n")
    assert "<Result digits: 400m CPU, 224Mi memory (Verified)>" == repr(result)


@pytest.mark.parametrize(
    ("result", "reason"), [(Result(runs.infeasible()), "NoFeasibleSize"), (Result(runs.unfinished()), "Running")]
)
def test_a_run_without_a_recommendation_has_none(result: Result, reason: str) -> None:
    """It has not succeeded either."""
    assert (None, False, reason) == (result.recommendation, result.succeeded, result.reason)


def test_a_notebook_shows_the_answer_and_the_trials() -> None:
    """In its own colours: none is set."""
    html = Result(runs.verified())._repr_html_()
    assert html is not None
    root = Tree(f"<html>{html}</html>").root
    assert (5, []) == (len(root.all("tbody")[0].all("tr")), root.all("style"))
    assert "400m CPU, 224Mi memory" in root.text
    assert "color" not in html


def test_the_page_is_saved(tmp_path: Path) -> None:
    """To whatever file."""
    Result(runs.verified()).save_html(tmp_path / "digits.html")
    assert (tmp_path / "digits.html").read_text().startswith("<!DOCTYPE html>")


def test_a_frame_has_a_row_a_trial_in_base_units() -> None:
    """Cores, bytes, seconds: numbers to calculate with, also where nothing was measured."""
    result = Result(runs.killed())
    frame = result.to_frame()
    first = frame.loc[1]
    assert (len(result.trials), 1.0, 2**30) == (len(frame), first.cpu_limit_cores, first.memory_limit_bytes)
    load = result.trials[0].load
    assert load is not None
    assert load.latency.p95 is not None
    assert load.latency.p95.seconds == first.latency_p95_seconds
    assert frame.latency_p95_seconds[frame.outcome == "OOMKilled"].isna().all()
    assert {"purpose", "outcome", "message"} == set(frame.select_dtypes(exclude=["number", "bool"]).columns)


def test_without_pandas_a_frame_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no dependency."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModelProfilerError, match="pip install pandas"):
        Result(runs.verified()).to_frame()


def test_without_jinja2_a_page_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook shows plain text then."""
    for module in ("page", "html"):
        monkeypatch.delitem(sys.modules, f"modelprofiler.report.{module}", raising=False)
        monkeypatch.delattr(modelprofiler.report, module, raising=False)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ModelProfilerError, match=r"pip install 'modelprofiler\[local\]'"):
        Result(runs.verified()).save_html(tmp_path / "digits.html")
    assert Result(runs.verified())._repr_html_() is None
