"""The table of commands, of which only the named one is imported.

A load pod must not wait for the operator's libraries, nor a shell for a list of options. A module of
`modelprofiler.commands` has ``configure(parser)``, which adds its options, and ``run(arguments)``, which returns the
exit code; what it needs beyond the standard library it imports inside these.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from modelprofiler.core.text import one_line
from modelprofiler.errors import InvalidInput, ModelProfilerError
from modelprofiler.version import __version__

EXIT_OK, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130

COMMANDS = {
    "init": "write a first profile for a scoring script or a server command",
    "validate": "check profiles and print every problem; starts nothing",
    "plan": "show what a run would do and how long it may take; starts nothing",
    "run": "measure a profile on this machine and recommend a size",
    "report": "show a run as text, JSON or an HTML page",
    "get": "list the profiles in a cluster",
    "patch": "write a recommendation as a patch, a Kustomize component or Helm values",
    "compare": "compare two runs; fail if the new one needs more",
    "ml": "register models and profile them with the commands of Azure's `az ml`",
    "tag": "write a recommendation to a model's tags or a workload's annotations",
    "operator": "run the operator (in its pod)",
    "load": "replay a dataset against a server (in a load pod)",
    "reader": "tell a load how busy this node is (in a reader pod)",
    "uncache": "drop files from the page cache (in a server's pod, before it starts)",
    "prepare": "check and digest the files on volumes (in a prepare pod)",
    "fetch": "download the files of an address into a folder (in a pod)",
    "completion": "print a completion script for your shell",
}
"""Name and purpose of each; its module has the same name."""

LOCAL_EXTRA = frozenset({"argcomplete", "filelock", "jinja2", "psutil", "rich", "uv"})
"""Packages of the extra `local`, which an operator is installed without."""

EPILOG = """\
The same file is used on this machine and in a cluster:
  modelprofiler init --entry-script score.py --dataset requests.txt --rate 50 --latency p95=250ms > profile.yaml
  modelprofiler run profile.yaml
  kubectl apply -f profile.yaml

`modelprofiler COMMAND --help` describes a command, with examples."""


class Command(Protocol):
    """A module of `modelprofiler.commands`."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the options, and an example at the end of the help."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Run the command and return the exit code; problems with the input are raised as `InvalidInput`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    # What a library logs must not stand beside our own sentence; the operator has a log, which still gets it.
    logging.getLogger("kubernetes").addHandler(logging.NullHandler())
    return guarded("modelprofiler", lambda: _run(sys.argv[1:] if argv is None else list(argv)))


def guarded(program: str, action: Callable[[], int]) -> int:
    """Run what a person has started; return its exit code, and report what it raises in sentences.

    Parameters
    ----------
    program
        How the person has called it.
    action
        Returns the exit code.
    """
    _make_streams_usable()
    try:
        try:
            return action()
        finally:
            sys.stdout.flush()  # while an error can still be reported
    except InvalidInput as error:
        complain(program, *error.problems)
        return EXIT_BAD_INPUT
    except ModelProfilerError as error:
        complain(program, error)
        return EXIT_FAILED
    except ModuleNotFoundError as error:
        if error.name not in LOCAL_EXTRA:
            raise
        complain(program, f"this command needs {error.name}: pip install 'modelprofiler[local]'")
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Without this, Python would report it again at its end.
        _discard_output()
        return EXIT_FAILED
    except OSError as error:
        complain(program, f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error)
        _discard_output()
        return EXIT_FAILED


def _run(command_line: Sequence[str]) -> int:
    if "_ARGCOMPLETE" in os.environ:  # set by the shell's completion
        _complete()
    arguments = _parser(command_line).parse_args(command_line)
    return _module(arguments.command).run(arguments)


def _make_streams_usable() -> None:
    """Open standard streams that the shell has closed (`>&-`), and print every text whatever the locale's encoding."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Drop what is still buffered for standard output, which cannot be written."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(program: str, *problems: object) -> None:
    """Print each problem on a line of standard error. They may quote text of others, which must not end the line."""
    for problem in problems:
        print(f"{program}:", one_line(str(problem)), file=sys.stderr)


def _parser(command_line: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser for a command line; only the command that it names has its options."""
    parser = argparse.ArgumentParser(
        prog="modelprofiler",
        description="Find the smallest CPU and memory at which a model server meets its objectives.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    named = next((word for word in command_line if not word.startswith("-")), None)
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
    """Print the completions that the shell asks for, and end; return where argcomplete is not installed."""
    try:
        import argcomplete
    except ImportError:
        return
    parser = _parser(os.environ.get("COMP_LINE", "").split()[1:])
    argcomplete.autocomplete(parser, always_complete_options=False)


if __name__ == "__main__":
    raise SystemExit(main())
