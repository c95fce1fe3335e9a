"""Whatever somebody got wrong in a profile, `validate` and `plan` answer with its field and one sentence.

`MUTATED_PROFILES=10000 make unit ARGS='-k mutated'` tries as many; by default a few are tried, always the same ones.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import time
from pathlib import Path

import pytest
from tests.unit.commands.mutations import REPOSITORY, mutated

from modelprofiler.cli import EXIT_BAD_INPUT, EXIT_OK, main

PROFILES = int(os.environ.get("MUTATED_PROFILES", "0")) or 120
PARTS = 4 if PROFILES <= 1000 else 40
"""Tests that share them, so that several processes can."""
MOST_SECONDS = 5.0
"""CPU time of a command on one profile; most take 10 ms."""
LONGEST = 1200
"""Characters of a sentence: it may list what the field could be."""

KEY = r"""(?:[A-Za-z0-9_./-]+|\["(?:[^"\\]|\\.)*"\])"""
FIELD = re.compile(rf"(?:apiVersion|kind|metadata|spec|status|{KEY})(?:\.?{KEY}|\[[0-9]+\])*")
PLACES = (
    FIELD,
    re.compile(r"line [0-9]+(?:, column [0-9]+)?"),
    re.compile(r"document [0-9]+"),
    re.compile(rf"""(?:ConfigMap|Secret) (?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?: {FIELD.pattern})?"""),
    re.compile(r"(?:ConfigMap|Secret) metadata\.name"),
)
"""Where a problem may be: in a field, at a place of the text, or in another object of the file."""
OF_THE_FILE = (
    "has no ModelProfile",
    "has several ModelProfiles",
    "is nested more than",
    "is not YAML: ",
    "is larger",
    "has \\u",
)
"""How problems begin that the file has as a whole."""
LEFTOVERS = re.compile(
    r"Traceback|input should be|valid dictionary|instance of|<class |object at 0x|validation error|pydantic|NoneType"
)
"""What a sentence for people does not have."""

pytestmark = pytest.mark.timeout(7200 if PROFILES > 1000 else 120)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a profile goes: beside the files that the examples name."""
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    return tmp_path / "examples" / "profile.yaml"


def run(*arguments: str) -> tuple[int, str, str]:
    """Run a command; return its exit code and what it printed. An exception that leaves it fails the test."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    return code, out.getvalue(), err.getvalue()


def flaws(line: str, begins: str) -> list[str]:
    """Return what is wrong with a line that says what is wrong: that it names no place, or is no sentence."""
    if not line.startswith(begins):
        return ["does not begin with the file or the program"]
    line = line.removeprefix(begins)
    wrong = [] if line.isprintable() and len(line) <= LONGEST else ["is not one short printable line"]
    if LEFTOVERS.search(line):
        wrong.append("has words of the program's own")
    if line.startswith(("note: ", *OF_THE_FILE)):
        return wrong
    places = (place.match(line) for place in PLACES)
    ends = [match.end() for match in places if match is not None and line[match.end() : match.end() + 2] == ": "]
    if not ends:
        return [*wrong, "names no place"]
    return wrong if len(line) > max(ends) + 8 else [*wrong, "says nothing"]


def answers(file: Path, number: int) -> list[str]:
    """Return what is wrong with the answers of the commands to a file, each as a line.

    A plan as JSON is asked for every fourth profile, as it has the same problems.
    """
    wrong = []
    codes = []
    for arguments in (
        ["validate"],
        ["validate", "--for", "cluster"],
        ["plan"] if number % 4 else ["plan", "-o", "json"],
    ):
        began = time.process_time()
        code, out, err = run(*arguments, str(file))
        codes.append(code)
        command = " ".join(arguments)
        begins = f"{file}: " if arguments[0] == "validate" else "modelprofiler: "
        if time.process_time() - began > MOST_SECONDS:
            wrong.append(f"{command} took more than {MOST_SECONDS:g} s")
        problems = [line for line in err.splitlines() if not line.startswith((f"{file}: note: ", "note: "))]
        if (
            code not in (EXIT_OK, EXIT_BAD_INPUT)
            or (code == EXIT_OK) != (not problems)
            or (code == EXIT_OK) != bool(out)
        ):
            wrong.append(f"{command} ended with {code}, {len(problems)} problems and {len(out)} characters of output")
        for line in problems:
            for at in (f"{begins}{file}, ", f"{begins}{file}: ", begins):
                if line.startswith(at):
                    wrong += [f"{command}: {line!r} {flaw}" for flaw in flaws(line, at)]
                    break
            else:
                wrong.append(f"{command}: {line!r} does not begin with the file or the program")
    if codes[0] != codes[2]:
        wrong.append(f"validate ended with {codes[0]}, plan with {codes[2]}")
    return wrong


@pytest.mark.parametrize("part", range(PARTS))
def test_a_mutated_profile_is_answered_with_its_field_and_a_sentence(file: Path, part: int) -> None:
    """The number of a profile is all that is needed to make it again: `mutations.mutated(number)`."""
    wrong = []
    for number in range(part, PROFILES, PARTS):
        file.write_text(mutated(number), encoding="utf-8", errors="surrogatepass")
        wrong += [f"profile {number}: {answer}" for answer in answers(file, number)]
    assert not wrong, "\n".join(wrong)


def test_some_profiles_are_accepted_and_no_two_are_alike(file: Path) -> None:
    """Else nothing beyond the first check would have been tried."""
    texts = [mutated(number) for number in range(40)]
    assert len(set(texts)) > 35
    accepted = 0
    for text in texts:
        file.write_text(text, encoding="utf-8", errors="surrogatepass")
        accepted += run("validate", "--for", "cluster", str(file))[0] == EXIT_OK
    assert 0 < accepted < 40


def test_a_sentence_that_names_no_place_is_noticed() -> None:
    """The test's own eyes."""
    begins = "x.yaml: "
    assert not flaws("x.yaml: spec.load: is required", begins)
    assert not flaws('x.yaml: spec.load["a b"]: is not a field of ModelProfile', begins)
    assert flaws("x.yaml: is required", begins)
    assert flaws("x.yaml: spec.load: input should be a valid string", begins)
    assert flaws("x.yaml: spec.load: \x1b[31mis required", begins)
    assert flaws("something else", begins)
