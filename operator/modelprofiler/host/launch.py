"""Becomes the server: the steps between fork and exec, in a process of their own. This file is run, not imported.

``python -I -S launch.py FD CPUS PARENT FILE… -- COMMAND…`` restricts itself to CPUS (comma-separated; empty: all),
writes its process number into each FILE (cgroup.procs), asks to be killed when process PARENT ends, and executes
COMMAND, which is therefore counted and limited from its first instruction. It writes to FD the time of exec (monotonic
clock), and an error line if a step fails. The profiling process must not do these steps itself between fork and exec:
it has threads.
"""

import os
import signal
import sys
import time


def die_with(parent: int) -> None:
    """Ask the kernel for SIGKILL when the parent ends (prctl(2), PR_SET_PDEATHSIG); exec keeps this setting."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the request
        os._exit(1)


def main() -> None:
    """Carry out the steps, and exec."""
    report, cpus, parent = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    separator = sys.argv.index("--")
    files, command = sys.argv[4:separator], sys.argv[separator + 1 :]
    os.set_inheritable(report, False)
    step = "start"
    try:
        die_with(parent)
        if cpus:
            step = "run on the CPUs " + cpus
            os.sched_setaffinity(0, [int(cpu) for cpu in cpus.split(",")])
        for path in files:
            step = "join " + path
            with open(path, "w") as file:  # noqa: PTH123 - importing pathlib takes as long as all of this
                file.write(str(os.getpid()))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # Python ignores SIGPIPE, and exec keeps what is ignored
        step = "run " + command[0]
        os.write(report, b"%.9f\n" % time.monotonic())
        os.execvp(command[0], command)  # noqa: S606 - without a shell
    except OSError as error:
        os.write(report, f"error cannot {step}: {error.strerror}\n".encode())
    os._exit(127)


if __name__ == "__main__":
    main()
