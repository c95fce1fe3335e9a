"""Ask the API server's own validation, of several versions of Kubernetes, what it makes of the CRD.

Each version is a program that `hack/crd-versions/build` makes from check.go. It validates crds/ as the API server does
when the CRD is created, and the profiles of tests/unit/api as it does when they are. Nothing runs on these versions.
With --write the table goes into docs/cluster.md. The exit code is 1 when a version does not do what it should, and 3
when there is nothing to ask.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "hack" / "crd-versions" / "build"
CRD = ROOT / "crds" / "modelprofiles.modelprofiler.io.yaml"
CASES = ROOT / "tests" / "unit" / "api"
PAGE = ROOT / "docs" / "cluster.md"

VERSIONS = ("1.31.14", "1.32.13", "1.33.13", "1.34.13", "1.35.10", "1.36.6", "1.37.2")
"""The newest release of each version from 1.31 on, with which a pod can be profiled without resizing it."""

CHECK_SECONDS = 120
"""A check takes half a second of CPU time, which a busy machine may give it late."""

NOTHING_TO_ASK = 3

Object = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A profile, and a text that its refusal must contain; empty: it must be accepted."""

    profile: Object
    says: str = ""


@dataclass(frozen=True)
class Answer:
    """What a version makes of the CRD and the profiles."""

    version: str
    definition: list[str]
    """Why it refuses the CRD; empty: it takes it."""
    astray: dict[str, list[str]]
    """The messages about each profile that gets other ones than it should."""


def cases() -> dict[str, Case]:
    """Return profiles that the API server is to take, and profiles that break a rule, by their names."""
    result = {f"full-{i}": Case(document) for i, document in enumerate(_documents("full.yaml"))}
    (minimal,) = _documents("minimal.yaml")
    result["minimal"] = Case(minimal)
    for file in ("refused.yaml", "left-to-the-operator.yaml"):
        for number, case in enumerate(next(_documents(file))):
            filled = {path: "x" * count for path, count in case.get("fill", {}).items()}
            says = case["says"] if file == "refused.yaml" else ""
            result[f"{file.removesuffix('.yaml')}-{number}"] = Case(_changed(minimal, case["set"] | filled), says)
    return result


def _documents(file: str) -> Iterator[Any]:
    return iter(list(yaml.safe_load_all((CASES / file).read_text(encoding="utf-8"))))


def _changed(profile: Object, fields: Object) -> Object:
    """Return a profile with fields (by their paths) set, or removed by None."""
    changed = deepcopy(profile)
    for path, value in fields.items():
        *parents, last = path.split(".")
        target = changed
        for name in parents:
            target = target.setdefault(name, {})
        target[last] = value
        if value is None:
            del target[last]
    return changed


def ask(version: str, program: str, profiles: dict[str, Case]) -> Answer:
    """Return what a version makes of the CRD."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump({name: case.profile for name, case in profiles.items()}, file)
        file.flush()
        command = [program, str(CRD), file.name]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=CHECK_SECONDS, check=True)
    report = json.loads(ran.stdout)
    astray = {
        name: messages
        for name, messages in sorted(report["objects"].items())
        if (profiles[name].says not in "; ".join(messages) if profiles[name].says else messages)
    }
    return Answer(version, report["definition"], astray)


def table(answers: list[Answer]) -> str:
    """Return the answers as Markdown."""
    rows = [
        f"| {a.version} | {'no' if a.definition else 'yes'} | {'not all' if a.astray else 'all'} |" for a in answers
    ]
    head = "| Kubernetes | takes the CRD | profiles of the tests answered as they should be |\n| --- | --- | --- |"
    return "\n".join([head, *rows])


def write(text: str) -> None:
    """Put the table into the page, between its markers."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- crd-versions begin -->\n", "<!-- crd-versions end -->"
    new, count = re.subn(f"(?<={begin}).*?(?={end})", lambda _: f"{text}\n", page, flags=re.DOTALL)
    if count != 1:
        raise LookupError(f"{PAGE} must have one line {begin.strip()!r} and after it one line {end.strip()!r}")
    PAGE.write_text(new, encoding="utf-8")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", default=VERSIONS, metavar="VERSION", help=f"by default {VERSIONS}")
    parser.add_argument("--built", action="store_true", help="build nothing: ask only versions that are built")
    parser.add_argument("--write", action="store_true", help="write the table into docs/cluster.md")
    arguments = parser.parse_args()
    built = subprocess.run(
        [BUILD, *(["--built"] if arguments.built else []), *arguments.versions], stdout=subprocess.PIPE, text=True
    )
    if built.returncode:
        return built.returncode
    programs = dict(line.split(maxsplit=1) for line in built.stdout.splitlines())
    if not programs:
        print("none of these versions is built", file=sys.stderr)
        return NOTHING_TO_ASK
    profiles = cases()
    answers = [ask(version, program, profiles) for version, program in programs.items()]
    print(table(answers))
    for answer in answers:
        for problem in answer.definition:
            print(f"{answer.version}: {problem}")
        for name, messages in answer.astray.items():
            print(f"{answer.version}: {name} should get {profiles[name].says or 'no objection'!r} and gets {messages}")
    if arguments.write:
        write(table(answers))
    return 1 if any(answer.definition or answer.astray for answer in answers) else 0


if __name__ == "__main__":
    sys.exit(main())
