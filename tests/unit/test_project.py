"""The project as a whole: its lock, its commands, its documents."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import modelprofiler
from modelprofiler.api.conditions import Reason
from modelprofiler.api.trial import Outcome
from modelprofiler.local.session import RUNS_DIR

MARKDOWN_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
# A command in a code block or between backticks, not a word of prose.
MAKE_COMMAND = re.compile(r"(?:^|`|- run: |&& )make((?: +[a-z][a-z0-9-]*)+)", re.MULTILINE)

# A file or folder between backticks: with a slash, or with one of these endings.
FILE = re.compile(r"`((?:[\w.-]+/)+(?:[\w.-]+)?|[\w-]+\.(?:py|md|toml|yaml))`")


@pytest.fixture(scope="module")
def pyproject(repository: Path) -> dict[str, Any]:
    """Read pyproject.toml."""
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tracked(repository: Path) -> list[Path]:
    """Every file of the tree that git does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=30, check=True).stdout
    return [path for name in names.split("\0") if name and (path := repository / name).is_file()]


@pytest.fixture(scope="module")
def documents(tracked: list[Path]) -> list[Path]:
    """Every page that a person reads."""
    return [path for path in tracked if path.suffix == ".md"]


@pytest.fixture(scope="module")
def targets(repository: Path) -> set[str]:
    """Every target that a person may name."""
    text = (repository / "Makefile").read_text(encoding="utf-8")
    return {name for line in re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE) for name in line.split()}


def locked(path: Path) -> dict[str, str]:
    """Return the version of each package in a requirements file."""
    versions = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in versions}


def unmet(requirements: list[str], versions: dict[str, str]) -> list[str]:
    """Return the requirements that a lock does not meet."""

    def met(requirement: Requirement) -> bool:
        version = versions.get(canonicalize_name(requirement.name))
        return version is not None and requirement.specifier.contains(version)

    return [str(requirement) for requirement in map(Requirement, requirements) if not met(requirement)]


def test_dev_lock_meets_every_requirement_of_pyproject(repository: Path, pyproject: dict[str, Any]) -> None:
    """When it does not, the lock is stale: run `make lock`."""
    project = pyproject["project"]
    requirements = (
        project["dependencies"] + project["optional-dependencies"]["local"] + pyproject["dependency-groups"]["dev"]
    )
    assert [] == unmet(requirements, locked(repository / "requirements/dev.txt"))


def test_a_requirement_that_is_not_locked_is_found() -> None:
    """The check above would notice a package that is missing, and one that is too old."""
    assert ["new"] == unmet(["new", "old"], {"old": "1.0"})
    assert ["old>=2"] == unmet(["old>=2"], {"old": "1.0"})


def test_locks_carry_hashes_and_no_address(repository: Path) -> None:
    """An installation from a lock may use any mirror and still gets the same files."""
    for path in (repository / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        pins = re.findall(r"^[A-Za-z0-9._-]+==", text, re.MULTILINE)
        hashed = re.findall(r"^[A-Za-z0-9._-]+==.*\\\n +--hash=sha256:", text, re.MULTILINE)
        assert len(pins) == len(hashed) > 0, path.name
        assert not re.search(r"://|--index-url|--extra-index-url|--find-links|--trusted-host", text), path.name


def test_no_file_names_a_package_registry(tracked: list[Path], repository: Path) -> None:
    """Where packages come from is the business of the machine that installs them."""
    hosts = [".".join(parts) for parts in [("pypi", "org"), ("pythonhosted", "org"), ("proxy", "golang", "org")]]
    named = {
        str(path.relative_to(repository))
        for path in tracked
        if any(host.encode() in path.read_bytes() for host in hosts)
    }
    assert set() == named


def test_the_standard_library_keeps_its_operator_module(repository: Path) -> None:
    """A package at operator/ would shadow it for whoever starts Python in the checkout."""
    assert not (repository / "operator" / "__init__.py").exists()


def test_the_version_is_the_same_everywhere(repository: Path, pyproject: dict[str, Any]) -> None:
    """In the package, in its metadata and in the changelog."""
    version = pyproject["project"]["version"]
    assert version == modelprofiler.__version__
    assert f"## [{version}]" in (repository / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_licence_is_the_one_that_the_metadata_names(repository: Path, pyproject: dict[str, Any]) -> None:
    """Apache-2.0, in full."""
    assert "Apache-2.0" == pyproject["project"]["license"]
    lines = [line.strip() for line in (repository / "LICENSE").read_text(encoding="utf-8").splitlines()]
    assert {"Apache License", "Version 2.0, January 2004", "END OF TERMS AND CONDITIONS"} <= set(lines)


PARTS = {"help", "env", "lint", "types"}
"""Targets that other targets run; `make check` names its own."""


def test_bare_make_lists_every_target_but_parts_of_others(repository: Path, targets: set[str]) -> None:
    """With a line of help each, and at most twenty of them."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--no-print-directory"]
    text = subprocess.run(
        command, cwd=repository, env=environment, capture_output=True, text=True, timeout=30, check=True
    ).stdout
    listed = re.findall(r"^  make ([a-z0-9-]+) +\S", text, re.MULTILINE)
    assert targets - PARTS == set(listed)
    assert len(listed) <= 20


def test_every_make_command_that_is_written_down_exists(
    repository: Path, documents: list[Path], targets: set[str]
) -> None:
    """In README, docs and what CI runs."""
    scripts = [repository / ".ci" / "run", *(repository / ".github" / "workflows").glob("*.yaml")]
    written = {
        target
        for path in [*documents, *scripts]
        for command in MAKE_COMMAND.findall(path.read_text(encoding="utf-8"))
        for target in command.split()
    }
    assert "test" in written
    assert set() == written - targets


def test_git_ignores_what_make_demo_writes(repository: Path) -> None:
    """A run in the checkout leaves a clean tree."""
    command = ["git", "check-ignore", f"{RUNS_DIR}/digits/profile.json"]
    assert 0 == subprocess.run(command, cwd=repository, capture_output=True, timeout=30, check=False).returncode


def test_ci_runs_the_test_command_of_the_readme(repository: Path) -> None:
    """And nothing else."""
    assert re.search(r"^make test\b", (repository / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.search(r"^make test\b", (repository / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_link_between_documents_leads_somewhere(documents: list[Path]) -> None:
    """Relative links name files that exist."""
    broken = [
        f"{path.name}: {link}"
        for path in documents
        for link in MARKDOWN_LINK.findall(path.read_text(encoding="utf-8"))
        if "://" not in link and not (path.parent / link).exists()
    ]
    assert [] == broken


def test_every_file_that_the_map_for_contributors_names_exists(repository: Path) -> None:
    """And it answers at least ten questions."""
    text = (repository / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = text.partition("<!-- map begin -->")[2].partition("<!-- map end -->")[0].strip().splitlines()[2:]
    assert len(rows) >= 10
    assert [] == [row for row in rows if not FILE.search(row)], "a row names no file"
    roots = (repository, repository / "operator" / "modelprofiler")
    assert set() == {name for name in FILE.findall("\n".join(rows)) if not any((r / name).exists() for r in roots)}


def test_every_folder_of_the_package_is_in_the_tree_for_contributors(repository: Path) -> None:
    """With one line each."""
    text = (repository / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tree = set(re.findall(r"^ {6,8}([a-z]+)/ +\S", text, re.MULTILINE))
    package = repository / "operator" / "modelprofiler"
    rooms = {*package.glob("*/__init__.py"), *package.glob("*/*/__init__.py")} - {
        *package.glob("azureml/*/__init__.py")
    }
    assert set() == {path.parent.name for path in rooms} - tree


@pytest.mark.parametrize("script", ["hack/conditions.py", "hack/rules.py"])
def test_the_tables_of_conditions_and_of_rules_say_what_the_code_says(repository: Path, script: str) -> None:
    """When they do not: run `make generate`."""
    command = [sys.executable, script, "--check"]
    completed = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=60, check=False)
    assert (0, "") == (completed.returncode, completed.stdout + completed.stderr)


def test_troubleshooting_says_what_to_do_about_everything_that_can_go_wrong(repository: Path) -> None:
    """Every outcome of a trial, and every reason that is not good news."""
    page = (repository / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    fine = {
        Reason.VALID, Reason.SAMPLES_READ, Reason.VERIFIED, Reason.RECOMMENDED, Reason.IDLE, Reason.IN_PROGRESS,
        Reason.NOT_SEEN, Reason.METRICS_UNKNOWN, Reason.FAILED,
    }  # fmt: skip
    names = {*Outcome} - {Outcome.PASSED} | {*Reason} - fine
    assert set() == {str(name) for name in names if f"`{name}`" not in page}
