"""``modelprofiler completion``: code for a shell that completes commands, options and files."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "fish")

ZSH_BEGINS = "#compdef modelprofiler\n"
"""First line of zsh's code; zsh needs it there when the code is in a file of its own."""
ZSH_SYSTEM = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }\n"
"""zsh completes nothing until compinit was called, which may happen later in ~/.zshrc."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the shell."""
    parser.add_argument("shell", choices=SHELLS, help="the shell that runs the code")
    parser.epilog = (
        "examples:\n"
        '  eval "$(modelprofiler completion bash)"      # in ~/.bashrc; zsh: eval "$(modelprofiler completion zsh)"\n'
        "  modelprofiler completion fish | source       # in ~/.config/fish/config.fish"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the code."""
    from argcomplete.shell_integration import shellcode

    code = shellcode(["modelprofiler"], shell=arguments.shell)
    if arguments.shell == "zsh":
        code = ZSH_BEGINS + ZSH_SYSTEM + code.removeprefix(ZSH_BEGINS)
    print(code)
    return 0
