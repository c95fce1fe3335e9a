"""Write the table of the operator's rules in docs/how-it-works.md from the chain in cluster/decide: `make generate`.

With --check nothing is written, and the exit status is 1 when the table is stale.
"""

import inspect
import re
import sys

from generated import ROOT, write_or_check

from modelprofiler.cluster.decide.policies import CHAIN, REASONS

PAGE = ROOT / "docs" / "how-it-works.md"
BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"


def table() -> str:
    """Return a row for each rule, in the order in which they are asked."""
    rows = []
    for number, rule in enumerate(CHAIN, start=1):
        sentence = " ".join((inspect.getdoc(rule) or "").split())
        reasons = ", ".join(f"`{reason.value}`" for reason in REASONS[rule])
        rows.append(f"| {number} | `{rule.__name__}` | {sentence} | {reasons} |\n")
    return f"| | Rule | What it decides | Reasons |\n| --- | --- | --- | --- |\n{''.join(rows)}"


def render(text: str) -> str:
    """Return the page with its table made anew."""
    old = re.search(rf"{BEGIN}.*?{END}", text, flags=re.DOTALL)
    assert old, f"{PAGE.name} has no place for the table of rules"
    return text.replace(old[0], f"{BEGIN}\n{table()}{END}")


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, render, __doc__))
