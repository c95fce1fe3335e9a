"""The entry point of ``modelprofiler`` and ``python -m modelprofiler``, kept small so that Ctrl-C works at once.

Imports take a tenth of a second before a command can handle Ctrl-C itself. Until then, and after the command has
ended, there is nothing to clean up: the process ends at once, without a traceback.
"""

from __future__ import annotations

import os
import sys


def _libraries_first() -> None:
    """Move the working folder and the folders of PYTHONPATH to the end of where modules are looked for.

    They belong to the user, and may have a ``json.py`` or a ``types.py`` that has nothing to do with the library's.
    """
    theirs = {os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p}  # noqa: PTH100
    if (
        __name__ == "__main__" and not sys.flags.safe_path
    ):  # python -m without -P: the first folder is the working folder
        theirs.add(os.path.abspath(sys.path[0]))  # noqa: PTH100 - pathlib is not imported yet, as all else
    sys.path.sort(key=lambda folder: os.path.abspath(folder) in theirs)  # noqa: PTH100 - stable


_libraries_first()

import signal  # noqa: E402 - the standard library's

EXIT_INTERRUPTED = 130


def _exit_at_once(*_: object) -> None:
    os._exit(EXIT_INTERRUPTED)


# A shell starts background jobs with SIGINT ignored, and then it stays ignored.
_HANDLES_SIGINT = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if _HANDLES_SIGINT:
    signal.signal(signal.SIGINT, _exit_at_once)


def main() -> int:
    """Run the command line and return its exit code; see `modelprofiler.cli`."""
    from modelprofiler import cli

    if not _HANDLES_SIGINT:
        return cli.main()
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return cli.main()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, _exit_at_once)


if __name__ == "__main__":
    raise SystemExit(main())
