"""The commands of the benchmarks, as a person types them: what is wrong is told before anything runs."""

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
    """And exit code 2, as from every program."""
    ran = subprocess.run(
        [sys.executable, "-m", *command], cwd=repository, capture_output=True, text=True, timeout=60, check=False
    )
    assert 2 == ran.returncode
    assert ran.stderr.startswith(f"usage: python -m {command[0]} ")
    assert "" == ran.stdout


@pytest.mark.parametrize("arguments", [[], ["some"], ["all", "quick"]])
def test_so_does_the_command_that_runs_them(repository: Path, arguments: list[str]) -> None:
    """It knows three."""
    ran = subprocess.run(
        ["hack/bench", *arguments], cwd=repository, capture_output=True, text=True, timeout=60, check=False
    )
    assert (2, "usage: hack/bench [--list] all|campaign|quick\n") == (ran.returncode, ran.stderr)


@pytest.mark.parametrize("which", ["all", "campaign", "quick"])
def test_every_part_is_a_target_of_the_makefile(repository: Path, which: str) -> None:
    """So that each runs by itself, too."""
    parts = subprocess.run(
        ["hack/bench", "--list", which], cwd=repository, capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()
    makefile = (repository / "Makefile").read_text()
    assert parts
    assert [] == [part for part in parts if f"\n{part.split()[0]}:" not in makefile]
