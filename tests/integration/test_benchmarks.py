"""The commands of the benchmarks, as a person types them: what is wrong is reported before anything runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

WRONG = [
    ("benchmarks.search", "--services", "0"),
    ("benchmarks.search", "--quick", "--write"),
    ("benchmarks.search.validate", "--seconds", "nan"),
    ("benchmarks.load", "--rounds", "x"),
    ("benchmarks.local_truth", "--runs", "0"),
    ("benchmarks.local_truth", "--case", "no such server"),
    ("benchmarks.local_run", "--example", "-1"),
    ("benchmarks.main_job", "--deadline", "0"),
    ("benchmarks.cluster_truth", "--case", "no such server"),
    ("benchmarks.repeat", "--minutes", "0"),
    ("benchmarks.local_vs_cluster", "--minutes", "0"),
    ("benchmarks.local_vs_cluster", "--case", "no such profile"),
    ("benchmarks.operator_scale", "--deadline", "nan"),
    ("benchmarks.threads", "--no-such-option"),
]


@pytest.mark.parametrize("command", WRONG, ids=" ".join)
def test_bad_input_gets_a_usage_line(repository: Path, command: tuple[str, ...]) -> None:
    """The exit code is 2, as from every program."""
    ran = subprocess.run(
        [sys.executable, "-m", *command], cwd=repository, capture_output=True, text=True, timeout=60, check=False
    )
    assert 2 == ran.returncode
    assert ran.stderr.startswith(f"usage: python -m {command[0]} ")
    assert "" == ran.stdout


def bench(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run hack/bench with arguments that run no benchmark."""
    command = ["hack/bench", *arguments]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def names(repository: Path) -> set[str]:
    """Return every part and group that the usage lists."""
    usage = bench(repository, "help").stdout
    return set(re.findall(r"^  ([a-z-]+)  +\S", usage, re.MULTILINE))


@pytest.mark.parametrize("arguments", [["nonsense"], ["search", "nonsense"], ["quick", "--", "--runs", "3"]])
def test_a_part_that_does_not_exist_is_refused_with_those_that_do(repository: Path, arguments: list[str]) -> None:
    """Before anything runs; and arguments are for one benchmark, not for a group."""
    ran = bench(repository, *arguments)
    assert 2 == ran.returncode
    assert ran.stderr.startswith("hack/bench: ")
    assert "\nusage: make bench [PART=NAME]" in ran.stderr
    assert "local-vs-cluster" in ran.stderr
    assert "" == ran.stdout


def test_make_hands_the_part_over(repository: Path) -> None:
    """`make bench PART=nonsense` fails and says which parts there are."""
    command = ["make", "--no-print-directory", "bench", "PART=nonsense"]
    ran = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=60, check=False)
    assert 0 != ran.returncode
    assert "there is no part nonsense" in ran.stderr
    assert "search-validate" in ran.stderr


@pytest.mark.parametrize("group", ["half-hour", "campaign", "quick"])
def test_groups_consist_of_parts(repository: Path, names: set[str], group: str) -> None:
    """Each of them can be run alone."""
    parts = bench(repository, "--list", group).stdout.splitlines()
    assert parts
    assert set() == {part.split()[0] for part in parts} - names


def test_without_a_name_it_is_half_an_hour(repository: Path) -> None:
    """What `make bench` runs."""
    assert bench(repository, "--list", "half-hour").stdout == bench(repository, "--list").stdout


def test_every_part_that_is_written_down_exists(repository: Path, names: set[str]) -> None:
    """In documents, programs and scripts."""
    command = ["git", "grep", "-hoE", r"bench PART=[a-z-]+", "--", ":!tests"]
    ran = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=60, check=True)
    written = {line.partition("=")[2] for line in ran.stdout.splitlines()}
    assert {"search", "campaign"} <= written
    assert set() == written - names - {"help"}
