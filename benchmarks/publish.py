"""Put the result of a benchmark into docs/benchmarks.md, between the markers with its name.

The markers are `<!-- NAME begin -->` and `<!-- NAME end -->`, each on its own line. Everything between them is
replaced.
"""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def replace(name: str, text: str, document: Path = DOCUMENT) -> None:
    """Replace what lies between the markers of a name.

    Raises
    ------
    LookupError
        When the document does not have both markers.
    """
    begin, end = f"<!-- {name} begin -->", f"<!-- {name} end -->"
    pattern = re.compile(f"(?<={re.escape(begin)}\n).*?(?=^{re.escape(end)}$)", re.DOTALL | re.MULTILINE)
    written, count = pattern.subn(lambda _: f"{text.strip()}\n", document.read_text())
    if count != 1:
        raise LookupError(f"{document} must have one line {begin!r} and after it one line {end!r}")
    document.write_text(written)
