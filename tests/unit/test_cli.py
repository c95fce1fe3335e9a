"""The table of commands: each is there, has an example, and costs nobody else time."""

import argparse
import subprocess
import sys
from collections.abc import Iterator

import pytest

from modelprofiler import cli

HEAVY = ("kopf", "kubernetes", "aiohttp", "rich", "psutil")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_help_of_every_command_ends_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Help shows one."""
    with pytest.raises(SystemExit):
        cli.main([name, "--help"])
    last = capsys.readouterr().out.rstrip().splitlines()[-1]
    assert last.startswith("  ")
    assert "modelprofiler" in last


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """With what it is for."""
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert [] == [f"{name} {purpose}" for name, purpose in cli.COMMANDS.items() if f"{name} {purpose}" not in text]


def options_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Return every option and argument of a command and of the commands below it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in dict.fromkeys(action.choices.values()):
                yield from options_of(below)
        else:
            yield action


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_option_has_a_description(name: str) -> None:
    """That fits in a few lines, and begins like the others: without a capital or a full stop."""
    commands = next(a for a in cli._parser([name])._actions if isinstance(a, argparse._SubParsersAction))
    for option in options_of(commands.choices[name]):
        text = option.help or ""
        assert 3 < len(text) < 200, (name, option.dest)
        assert not text.endswith("."), (name, option.dest)


def test_no_command_is_a_usage_error() -> None:
    """Exit code 2, as for any other bad input."""
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert 2 == ended.value.code


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_options_of_a_command_need_no_library(name: str) -> None:
    """Neither does a load pod wait for the operator's libraries, nor a shell for a list of options."""
    code = (
        "import sys; from modelprofiler.cli import _parser; "
        f"_parser([{name!r}]); print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "[]" == ended.stdout.strip()


def test_the_shell_completes_commands_and_their_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """As argcomplete asks: the line so far in a variable, the answer on file descriptor 8."""
    argcomplete = pytest.importorskip("argcomplete")

    def completed(line: str) -> set[str]:
        arguments = line.split(" ")
        parser = cli._parser(arguments[1:])
        assert isinstance(parser, argparse.ArgumentParser)
        finder = argcomplete.CompletionFinder(parser, always_complete_options=True)
        return {word.strip() for word in finder._get_completions(arguments[:-1], arguments[-1], "", None)}

    assert "completion" in completed("modelprofiler comp")
    assert "--result" in completed("modelprofiler load --re")
