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
    from argcomplete.shell_integration import shellcode

    print(shellcode(["modelprofiler"], shell=arguments.shell))
    return 0
