"""Write the tables of docs/conditions.md from the types in modelprofiler/api: `make generate`.

With --check nothing is written, and the exit status is 1 when a table is stale.
"""

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from modelprofiler.api.conditions import ConditionType, Reason

ROOT = Path(__file__).resolve().parent.parent
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a table is stale")
    check = parser.parse_args().check
    old = PAGE.read_text(encoding="utf-8")
    new = render(old)
    if new == old:
        return 0
    if check:
        print(f"{PAGE.relative_to(ROOT)}: stale; run make generate")
        return 1
    PAGE.write_text(new, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
