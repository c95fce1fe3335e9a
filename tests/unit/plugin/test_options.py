"""The command line of the plugin: its help, and what is passed on to kubectl."""

import pytest

from modelprofiler.cli import EXIT_BAD_INPUT
from modelprofiler.plugin.command import main
from modelprofiler.plugin.options import argument_parser


def test_options_of_kubectl_are_passed_on_as_they_are_written() -> None:
    """They keep their order and values, and have their long form."""
    written = [
        "deploy/x",
        "-n",
        "team",
        "--context=prod",
        "-s",
        "https://h",
        "--insecure-skip-tls-verify",
        "--as-group=a",
    ]
    expected = [
        "--namespace=team",
        "--context=prod",
        "--server=https://h",
        "--insecure-skip-tls-verify",
        "--as-group=a",
    ]
    assert expected == argument_parser().parse_args(written).kubectl


def test_one_command_line_does_not_leave_options_to_the_next() -> None:
    """The options are in a list, which is not shared."""
    parser = argument_parser()
    assert ["--namespace=a"] == parser.parse_args(["-n", "a"]).kubectl
    assert [] == parser.parse_args([]).kubectl


def test_every_option_has_a_description() -> None:
    """It has no full stop, like those of other commands."""
    for option in argument_parser()._actions:
        assert 3 < len(option.help or "") < 200, option.dest
        assert not str(option.help).endswith("."), option.dest


def test_the_help_ends_with_an_example_and_has_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks for help wants to see one."""
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert "kubectl modelprofile" in text.rstrip().splitlines()[-1]
    assert all(f"\n  {code:<5}" in text for code in (0, 1, 2, 3, 4, 130))


def test_an_option_is_not_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    """One that is added later would change what a script means."""
    with pytest.raises(SystemExit) as ended:
        main(["deploy/x", "--data", "x"])
    assert EXIT_BAD_INPUT == ended.value.code
    assert "--data" in capsys.readouterr().err
