"""Packages that an entry script asks for, as lines of a requirements file: which lines are none. Pure."""

from __future__ import annotations

import re

from modelprofiler.api.server import EntryScript, Environment
from modelprofiler.errors import Problem

PATH = "spec.server.entryScript.environment"

LONGEST_REQUIREMENTS = 16384
"""Bytes of all lines together. A pod gets them in an environment variable, for which Linux has 128 KiB
(MAX_ARG_STRLEN): JSON writes a byte as six at worst, and the versions of packages and the certificates of an index take
the rest."""


def is_installed(script: EntryScript | None) -> bool:
    """Return whether a pod has to make an environment for an entry script before it can be served.

    An image that is named together with a version of Python need not have the scoring server.
    """
    if script is None:
        return False
    environment = script.environment
    return bool(environment.requirements) or (environment.image is not None and environment.python_version is not None)


def requirement_problems(environment: Environment) -> list[Problem]:
    """Return the problems of requirements that show without resolving them."""
    problems = [
        Problem(f"{PATH}.requirements[{number}]", f"{problem}: {_LOGIN.sub('', line)[:200]!r}")
        for number, line in enumerate(environment.requirements)
        if (problem := _requirement_problem(line)) is not None
    ]
    if sum(len(line.encode()) for line in environment.requirements) > LONGEST_REQUIREMENTS:
        longest = f"{LONGEST_REQUIREMENTS // 1024} KiB"
        problems.append(Problem(f"{PATH}.requirements", f"must have at most {longest} of text together"))
    return problems


_LOGIN = re.compile(r"(?<=://)[^/@\s]{1,1024}@")
"""What an address begins with that has a name or a password, which no message repeats."""
_HASHES = re.compile(r"\s+--hash[= ][a-z0-9]+:[0-9a-fA-F]+(?=\s|$)")


def _requirement_problem(line: str) -> str | None:
    """Return why a line is no requirement of a package: it goes into a requirements file, where it may be anything.

    An option would choose where every package comes from, and ``${NAME}`` would send a variable of the caller there.
    Hashes are no danger.
    """
    if any(character in line for character in "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029") or line.rstrip().endswith("\\"):
        return "must be a single line"
    if re.search(r"(^|\s)-", _HASHES.sub("", line.strip())):
        return "must be a package, not an option or a file of requirements"
    if "${" in line:
        return "must not name a variable of this machine"
    return None
