"""The table of docs/reliability.md: what each fault was, and what happened; ``python -m tests.faults.rows`` writes it.

A test of the campaign is one row. What happened is kept in a file that a later campaign, or a part of one, updates.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "reliability.md"
RESULTS = REPOSITORY / ".cache" / "faults.json"
BEGIN, END = "<!-- faults -->", "<!-- end -->"
PLACE = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)
FAILED = "**not held**: "
NOT_RUN = "not run yet"

Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Fault:
    """What is done to a run, and what must hold all the same."""

    part: str
    """What it is done to; rows of one part are shown together."""
    what: str
    when: str
    holds: str

    def __call__(self, test: Test) -> Test:
        """Declare that a test makes this fault."""
        test.fault = self  # type: ignore[attr-defined]
        return test


def keep(results: dict[str, dict[str, str]], file: Path = RESULTS) -> None:
    """Add rows to those of earlier campaigns, by the test's name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(read(file) | results, indent=1) + "\n", encoding="utf-8")


def expect(faults: dict[str, Fault], file: Path = RESULTS, page: Path = PAGE) -> None:
    """Have a row for each test, in the order of the tests: as it is kept, or else as it was published; others go."""
    known = read(file)
    published = read_published(page.read_text(encoding="utf-8"))
    kept = {
        name: row_of(fault, (known.get(name) or {}).get("happened") or published.get(shown(fault)) or NOT_RUN)
        for name, fault in faults.items()
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def read(file: Path) -> dict[str, dict[str, str]]:
    """Return the rows that are kept, by the name of their tests."""
    known: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return known


def row_of(fault: Fault, happened: str) -> dict[str, str]:
    """Return a row as it is kept."""
    return {**asdict(fault), "happened": " ".join(happened.split())}


def table(rows: list[dict[str, str]]) -> str:
    """Return the rows as Markdown."""
    lines = ["| Fault | When | What must hold | What happened |", "| --- | --- | --- | --- |"]
    for part in dict.fromkeys(row["part"] for row in rows):
        lines.append(f"| **{part}** | | | |")
        for row in rows:
            if row["part"] == part:
                cells = (_cell(row[name]) for name in ("what", "when", "holds", "happened"))
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def shown(fault: Fault) -> tuple[str, str, str]:
    """Return the first cells of a fault's row, by which it is found in the page."""
    return _cell(fault.what), _cell(fault.when), _cell(fault.holds)


def read_published(page: str) -> dict[tuple[str, str, str], str]:
    """Return what has happened by the rows of the page; a fault that was described in other words is another one."""
    place = PLACE.search(page)
    rows = [line[2:-2].split(" | ") for line in (place.group().splitlines() if place else []) if line.startswith("| ")]
    return {(what, when, holds): _text(happened) for what, when, holds, happened in (r for r in rows if len(r) == 4)}


def _text(cell: str) -> str:
    return cell.replace("&lt;", "<").replace("\\|", "|")


def render(page: str, rows: list[dict[str, str]]) -> str:
    """Return the page with its table made anew."""
    assert PLACE.search(page), f"{PAGE.name} has no place for the table"
    return PLACE.sub(lambda _: f"{BEGIN}\n{table(rows)}\n{END}", page)


def main() -> int:
    """Write the page; 1 when something did not hold."""
    rows = list(json.loads(RESULTS.read_text(encoding="utf-8")).values())
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")
    broken = [row for row in rows if row["happened"].startswith(FAILED)]
    missing = [row for row in rows if row["happened"] == NOT_RUN]
    print(f"{PAGE.relative_to(REPOSITORY)}: {len(rows)} rows, {len(broken)} not held, {len(missing)} not run yet")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
