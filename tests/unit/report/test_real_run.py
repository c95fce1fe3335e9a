"""The record of a real run: the digits example on a virtual machine with two cores; of its samples a part."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.report.test_page import Node, Tree, assert_drawn_inside, number

from modelprofiler.report import page, text
from modelprofiler.report.document import read
from modelprofiler.report.record import RunRecord


@pytest.fixture(scope="module")
def run() -> RunRecord:
    """Return the run."""
    return read(Path(__file__).parent / "digits.json")


@pytest.fixture(scope="module")
def root(run: RunRecord) -> Node:
    """Return its page."""
    return Tree(page.render(run)).root


def test_it_is_recorded_whole(run: RunRecord) -> None:
    """Every trial with its histogram and its samples."""
    assert [True] * 5 == [t.load is not None and t.load.histogram.n > 0 and len(t.memory) > 2 for t in run.trials]


def test_text_and_page_say_the_same(run: RunRecord, root: Node) -> None:
    """The size, the proof and the reason."""
    report = " ".join(text.render(run, 200).split())
    answer = " ".join(root.all("main")[0].children[1].text.split())
    for phrase in ("350m", "224Mi", "Trial 5 ran at exactly 350m CPU and 224Mi memory", "at 250m p95 is 616ms"):
        assert (phrase, True, True) == (phrase, phrase in report, phrase in answer)


def test_every_chart_is_drawn(root: Node) -> None:
    """Five of them."""
    assert [
        "Latency against CPU",
        "Latency of all requests",
        "Memory over time",
        "CPU time of a request",
        "Memory by trial",
    ] == [figure.all("h2")[0].text for figure in root.all("figure")]


def test_everything_is_drawn_inside_its_picture(root: Node) -> None:
    """In the wide and the narrow form."""
    assert_drawn_inside(root)


def test_a_bar_is_as_long_as_its_figure(root: Node, run: RunRecord) -> None:
    """CPU time of a request, from zero."""
    [figure] = [f for f in root.all("figure") if f.all("h2")[0].text == "CPU time of a request"]
    lengths = [number(bar, "width") for bar in figure.all("rect", "bar")]
    costs = [
        t.trial.usage.cpu_time_per_request.seconds
        for t in run.trials
        if t.trial.usage and t.trial.usage.cpu_time_per_request
    ]
    assert [cost / costs[0] for cost in costs] == pytest.approx([n / lengths[0] for n in lengths], abs=0.002)
