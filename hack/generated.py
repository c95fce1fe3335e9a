"""What the commands share that write a part of a page: they write the page, or check that it is up to date."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def write_or_check(page: Path, render: Callable[[str], str], description: str | None) -> int:
    """Write a page anew, or with --check say whether it is stale; return the exit code of the command.

    Parameters
    ----------
    page
        The page, a file of this repository.
    render
        Returns the text of the page with its generated parts made anew.
    description
        What `--help` says of the command.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the page is stale")
    check = parser.parse_args().check
    old = page.read_text(encoding="utf-8")
    new = render(old)
    if new == old:
        return 0
    if check:
        print(f"{page.relative_to(ROOT)}: stale; run make generate")
        return 1
    page.write_text(new, encoding="utf-8")
    print(f"{page.relative_to(ROOT)}: written")
    return 0
