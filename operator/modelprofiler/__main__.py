"""Where the program begins, as ``modelprofiler`` and as ``python -m modelprofiler``: so little that Ctrl-C finds it.

Python imports for a tenth of a second before a command can say what Ctrl-C means to it. Until then, and once the
command has ended, there is nothing to clean up: the process ends at once, without a traceback.
"""

from __future__ import annotations

import os
import signal

EXIT_INTERRUPTED = 130


def _leave(*_: object) -> None:
    os._exit(EXIT_INTERRUPTED)


# A shell has background jobs ignore it, and then it stays ignored.
_MINE = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if _MINE:
    signal.signal(signal.SIGINT, _leave)


def main() -> int:
    """Run the command line and return its exit code; see `modelprofiler.cli`."""
    from modelprofiler import cli

    if not _MINE:
        return cli.main()
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return cli.main()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, _leave)


if __name__ == "__main__":
    raise SystemExit(main())
