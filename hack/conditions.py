"""Write the tables of docs/conditions.md from the types in modelprofiler/api: `make generate`.

With --check nothing is written, and the exit status is 1 when a table is stale.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from enum import StrEnum

from generated import ROOT, write_or_check

from modelprofiler.api.conditions import ConditionType, Reason

PAGE = ROOT / "docs" / "conditions.md"
TABLES: dict[str, type[StrEnum]] = {"conditions": ConditionType, "reasons": Reason}


def sentences(enum: type[StrEnum]) -> Iterator[tuple[str, str]]:
    """Yield each member's value with the docstring that follows it."""
    (definition,) = ast.parse(inspect.getsource(enum)).body
    assert isinstance(definition, ast.ClassDef)
    for statement, following in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(statement, ast.Assign) and isinstance(following, ast.Expr):
            assert isinstance(statement.value, ast.Constant)
            assert isinstance(following.value, ast.Constant)
            yield str(statement.value.value), " ".join(str(following.value.value).split())


def render(text: str) -> str:
    """Return the page with its tables made anew, each between `<!-- name -->` and `<!-- end -->`."""
    for name, enum in TABLES.items():
        rows = "".join(f"| `{value}` | {sentence} |\n" for value, sentence in sentences(enum))
        table = f"<!-- {name} -->\n| Name | Meaning |\n| --- | --- |\n{rows}<!-- end -->"
        old = re.search(rf"<!-- {name} -->.*?<!-- end -->", text, flags=re.DOTALL)
        assert old, f"{PAGE.name} has no place for the table of {name}"
        text = text.replace(old[0], table)
    return text


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, render, __doc__))
