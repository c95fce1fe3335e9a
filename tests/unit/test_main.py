"""Ctrl-C before a command has begun, and after it has ended: exit code 130, and no traceback."""

import subprocess
import sys

import pytest

AT_A_TERMINAL = "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""What Python begins with; where the tests themselves are a background job, it would be ignored."""
INTERRUPT = "os.kill(os.getpid(), signal.SIGINT)"
IMPORTING = f"{AT_A_TERMINAL}; import modelprofiler.__main__; {INTERRUPT}; print('went on')"
RUNNING = f"""
{AT_A_TERMINAL}
from modelprofiler import __main__, cli
cli.main = lambda: {INTERRUPT}
sys.exit(__main__.main())
"""
ENDED = f"""
{AT_A_TERMINAL}
from modelprofiler import __main__, cli
cli.main = lambda: 0
__main__.main()
{INTERRUPT}
print('went on')
"""


def ended(code: str) -> tuple[int, str]:
    """Return how a program ended and what it said."""
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    return completed.returncode, completed.stdout + completed.stderr


@pytest.mark.parametrize("code", [IMPORTING, RUNNING, ENDED], ids=["importing", "running", "ended"])
def test_an_interruption_ends_it_quietly(code: str) -> None:
    """Whenever it comes."""
    assert (130, "") == ended(code)


def test_what_is_to_be_ignored_stays_ignored() -> None:
    """A shell starts background jobs so."""
    code = AT_A_TERMINAL.replace("default_int_handler", "SIG_IGN") + IMPORTING.removeprefix(AT_A_TERMINAL)
    assert (0, "went on\n") == ended(code)


def test_the_package_runs_as_the_command_does() -> None:
    """``python -m modelprofiler``."""
    output = subprocess.run(
        [sys.executable, "-m", "modelprofiler", "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert output.stdout.startswith("modelprofiler ")
