"""The alerts and the dashboard of the chart: tried by Prometheus' promtool, and against what the operator exports."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from modelprofiler.cluster.telemetry.metrics import Metrics, Snapshot

CASES = Path(__file__).with_name("alerts_test.yaml")
METRIC = re.compile(r"\bmodelprofiler_[a-z0-9_]+")
SUFFIXES = ("_bucket", "_sum", "_count", "_total")


def exported() -> set[str]:
    """Return the names of all families that the operator exports."""
    text = generate_latest(Metrics(Snapshot).registry).decode()
    return {family.name for family in text_string_to_metric_families(text)}


def family(name: str) -> str:
    """Return the family of a series."""
    return next((name.removesuffix(s) for s in SUFFIXES if name.endswith(s)), name)


def queries(dashboard: dict[str, Any]) -> list[str]:
    """Return every query of the dashboard."""
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


@pytest.fixture(name="promtool")
def _promtool() -> str:
    """Return Prometheus' tool, of the package that the local cluster installs."""
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("promtool is not installed; it comes with Prometheus (Debian: prometheus)")
    return path


@pytest.fixture(name="dashboard")
def _dashboard(chart: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((chart / "files/dashboard.json").read_text(encoding="utf-8"))
    return parsed


def test_every_alert_comes_when_it_should_and_only_then(promtool: str) -> None:
    """The cases are written for promtool."""
    completed = subprocess.run(
        [promtool, "test", "rules", str(CASES)], capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 == completed.returncode, completed.stdout + completed.stderr


def test_every_alert_has_a_case_in_which_it_fires(chart: Path) -> None:
    """An alert that nobody has seen firing may never fire."""
    rules = yaml.safe_load((chart / "files/alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    cases = CASES.read_text(encoding="utf-8").partition("nothing is scraped")[2]
    assert [] == [rule["alert"] for rule in rules if rule["alert"] not in cases]


def test_alerts_and_dashboard_ask_for_what_the_operator_exports(chart: Path, dashboard: dict[str, Any]) -> None:
    """A misspelt name would show an empty panel for ever."""
    asked = METRIC.findall((chart / "files/alerts.yaml").read_text(encoding="utf-8")) + METRIC.findall(
        " ".join(queries(dashboard))
    )
    assert set() == {family(name) for name in asked} - exported()
    queried = {family(name) for name in METRIC.findall(" ".join(queries(dashboard)))}
    assert set() == {name for name in exported() if not name.endswith("_created")} - queried


def test_every_panel_says_what_it_shows_and_follows_the_variables(dashboard: dict[str, Any]) -> None:
    """Panels do not overlap, and each has a description, a unit, and the job and the instance in its queries."""
    cells: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        place = panel["gridPos"]
        taken = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells
        assert place["x"] + place["w"] <= 24
        cells |= taken
    for query in queries(dashboard):
        assert len(METRIC.findall(query)) == query.count('{job=~"$job", instance=~"$instance"}')
        assert "rate(" not in query or "[$__rate_interval]" in query
