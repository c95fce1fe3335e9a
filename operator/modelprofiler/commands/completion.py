"""``modelprofiler completion``: lines for a shell that make it complete commands, options and files."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "fish")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the shell."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    parser.epilog = (
        "examples:\n"
        '  eval "$(modelprofiler completion bash)"      # in ~/.bashrc; zsh: the same in ~/.zshrc\n'
        "  modelprofiler completion fish | source       # in ~/.config/fish/config.fish"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the lines."""
    from modelprofiler.errors import ModelProfilerError

    try:
        from argcomplete.shell_integration import shellcode
    except ImportError as error:
        raise ModelProfilerError("completion needs argcomplete: pip install 'modelprofiler[local]'") from error
    print(shellcode(["modelprofiler"], shell=arguments.shell))
    return 0
