"""The commands: a table, from which only what is asked for is imported.

A load pod must not wait for the operator's libraries, nor a shell for a list of options. A module of
`modelprofiler.commands` has ``configure(parser)``, which adds its options, and ``run(arguments)``, which returns the
exit code; what it needs beyond the standard library it imports inside these.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from modelprofiler.errors import InvalidInput, ModelProfilerError
from modelprofiler.version import __version__

EXIT_OK, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130

COMMANDS = {
    "init": "write a profile from files, or from a command that serves",
    "validate": "say everything that is wrong with a profile",
    "plan": "say what a run would do and how long it may take; start nothing",
    "run": "measure on this machine what a cluster would measure",
    "report": "show a run as text, JSON, or one page",
    "get": "list the profiles of a cluster",
    "patch": "write a recommendation as a patch, a Kustomize component or Helm values",
    "compare": "tell whether a new version became more expensive",
    "ml": "register models and profile them with the commands of Azure's `az ml`",
    "tag": "write a recommendation to the tags of a model, or to a workload",
    "operator": "run the operator",
    "load": "replay a dataset against a server: what a load pod runs",
    "prepare": "read the files on volumes and digest them: what a prepare pod runs",
    "completion": "print what makes a shell complete these commands",
}
"""Name and purpose of each; its module has the same name."""

LOCAL_EXTRA = frozenset({"argcomplete", "filelock", "jinja2", "psutil", "rich", "uv"})
"""What only a run on this machine needs: an operator is installed without."""

EPILOG = """\
The same file is for this machine and for a cluster:
  modelprofiler init --entry-script score.py --dataset requests.txt --rate 50 --latency p95=250ms > profile.yaml
  modelprofiler validate profile.yaml
  kubectl apply -f profile.yaml

`modelprofiler COMMAND --help` tells more, with an example."""


class Command(Protocol):
    """A module of `modelprofiler.commands`."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the options, and an example at the end of the help."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it, and return the exit code; problems with the input are raised as `InvalidInput`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code: 0 done, 1 failed, 2 bad input."""
    given = sys.argv[1:] if argv is None else list(argv)
    if "_ARGCOMPLETE" in os.environ:  # set by the shell's completion
        _complete()
    parser = _parser(given)
    arguments = parser.parse_args(given)
    try:
        return _module(arguments.command).run(arguments)
    except InvalidInput as error:
        for problem in error.problems:
            print(f"modelprofiler: {problem}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except ModelProfilerError as error:
        print(f"modelprofiler: {error}", file=sys.stderr)
        return EXIT_FAILED
    except ModuleNotFoundError as error:
        if error.name not in LOCAL_EXTRA:
            raise
        print(f"modelprofiler: this needs {error.name}: pip install 'modelprofiler[local]'", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever reads has seen enough (`| head`); Python would complain again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser for a command line; of the commands only the one that it names has its options."""
    parser = argparse.ArgumentParser(
        prog="modelprofiler",
        description="Find the smallest CPU and memory at which a model server meets its objective.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    named = next((word for word in words if not word.startswith("-")), None)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=purpose,
            description=f"{purpose[:1].upper()}{purpose[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == named:
            _module(name).configure(command)
    return parser


def _module(name: str) -> Command:
    return cast("Command", importlib.import_module(f"modelprofiler.commands.{name}"))


def _complete() -> None:
    """Answer the shell that asks how a line goes on, and end; return where argcomplete is not installed."""
    try:
        import argcomplete
    except ImportError:
        return
    parser = _parser(os.environ.get("COMP_LINE", "").split()[1:])
    argcomplete.autocomplete(parser, always_complete_options=False)


if __name__ == "__main__":
    raise SystemExit(main())
