"""The table of docs/reliability.md: a row for each fault, and what a part of the campaign did not run stays."""

import json
from pathlib import Path

import pytest
from tests.faults import rows
from tests.faults.rows import Fault

PAUSED = Fault("The API server", "paused", "under load", "it goes on | and on")
KILLED = Fault("The operator", "killed", "at any time", "nothing is lost")


def test_rows_of_one_part_stand_together_and_in_one_line_each() -> None:
    """No text of a row changes the form of the table."""
    of_api = rows.row_of(PAUSED, "went on\nafter <3 s")
    assert [
        "| Fault | When | What must hold | What happened |",
        "| --- | --- | --- | --- |",
        "| **The API server** | | | |",
        r"| paused | under load | it goes on \| and on | went on after &lt;3 s |",
        r"| paused | under load | it goes on \| and on | again |",
        "| **The operator** | | | |",
        "| killed | at any time | nothing is lost | nothing was |",
    ] == rows.table([of_api, rows.row_of(KILLED, "nothing was"), rows.row_of(PAUSED, "again")]).splitlines()


def test_a_part_of_the_campaign_replaces_its_own_rows_only(tmp_path: Path) -> None:
    """By the name of the test."""
    file = tmp_path / "cache" / "faults.json"
    rows.keep({"a": rows.row_of(PAUSED, "one"), "b": rows.row_of(KILLED, "two")}, file)
    rows.keep({"b": rows.row_of(KILLED, "three")}, file)
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert {"a": "one", "b": "three"} == {name: row["happened"] for name, row in kept.items()}


def test_a_fault_that_was_never_made_has_a_row_too(tmp_path: Path) -> None:
    """The order is that of the tests, and a test that is gone has no row any more."""
    file = tmp_path / "faults.json"
    rows.keep({"gone": rows.row_of(PAUSED, "one"), "b": rows.row_of(KILLED, "two")}, file)
    rows.expect({"a": PAUSED, "b": KILLED}, file)
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert [("a", "not run yet"), ("b", "two")] == [(name, row["happened"]) for name, row in kept.items()]


def test_a_row_that_was_published_is_kept_until_its_fault_is_made_again(tmp_path: Path) -> None:
    """Also on a machine that has never run the campaign; a fault that is described anew was not run yet."""
    file, page = tmp_path / "faults.json", tmp_path / "page.md"
    killed, reworded = rows.row_of(KILLED, "Verified | 3 < 4"), Fault("The operator", "killed", "soon", "nothing")
    page.write_text(f"before\n{rows.BEGIN}\n{rows.table([killed, rows.row_of(PAUSED, 'on')])}\n{rows.END}\nafter\n")
    rows.expect({"a": PAUSED, "b": KILLED, "c": reworded}, file, page)
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert {"a": "on", "b": "Verified | 3 < 4", "c": "not run yet"} == {n: row["happened"] for n, row in kept.items()}


def test_the_page_has_a_place_for_the_table() -> None:
    """Everything around it stays."""
    page = rows.PAGE.read_text(encoding="utf-8")
    made = rows.render(page, [rows.row_of(KILLED, r"\1 nothing")])
    assert page.partition(rows.BEGIN)[0] == made.partition(rows.BEGIN)[0]
    assert page.rpartition(rows.END)[2] == made.rpartition(rows.END)[2]
    assert r"| killed | at any time | nothing is lost | \1 nothing |" in made
    with pytest.raises(AssertionError, match="has no place for the table"):
        rows.render("# Another page", [])
