"""Rows that do not represent the traffic: the result says what a size is verified for. Whole runs on this machine."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.claims.recorded import unproved

from modelprofiler.report.record import RunRecord

HERE = Path(__file__).resolve().parent
SECONDS = 600
"""How long a run may take: one takes under a minute, and may wait for another one."""

pytestmark = [pytest.mark.whole_run, pytest.mark.timeout(SECONDS + 60)]


def _ran(folder: Path, profile: str, *options: str) -> Any:
    """Run a profile and return its only recommendation, as JSON."""
    command = [
        sys.executable,
        "-m",
        "modelprofiler",
        "run",
        str(HERE / profile),
        *options,
        "--plain",
        "--wait",
        "300",
        "--directory",
        str(folder / "run"),
    ]
    completed = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=folder)
    assert 0 == completed.returncode, completed.stdout + completed.stderr
    record = RunRecord.read(folder / "run")
    assert [] == unproved(record.profile, "Local")
    return record.profile.status.recommendations[0].to_dict()


@pytest.mark.usefixtures("control_groups")
def test_answers_from_a_cache_are_reported(tmp_path: Path) -> None:
    """the-benchmarker/web-frameworks#3474, cognizant-ai-lab/neuro-san#1295: three rows, again and again."""
    recommendation = _ran(tmp_path, "cache.yaml")
    assert "3 of 3" == recommendation["verification"]["rows"]
    assert "sent its 3 distinct rows " in recommendation["explanation"]
    assert "a cache looks cheaper than it is" in recommendation["explanation"]


@pytest.mark.usefixtures("control_groups")
def test_rows_that_nobody_sent_are_reported(tmp_path: Path) -> None:
    """benoitc/gunicorn#3251, robusta-dev/krr#110: one short row of 3,000 needs 300 MiB."""
    rows = [json.dumps({"n": 1, "text": f"{number:060}"}) for number in range(3_000)]
    rows[2_966] = '{"n": 300}'
    (tmp_path / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    recommendation = _ran(tmp_path, "rare_row.yaml", "--dataset", str(tmp_path / "rows.jsonl"))
    sent, of, distinct = recommendation["verification"]["rows"].split()
    assert (True, "of", "3000") == (int(sent) < 1_000, of, distinct)
    assert "at 25 requests per second a window of 120s would send all" in recommendation["explanation"]
