"""What tests have to know of the machine that they run on."""

from pathlib import Path


def in_user_mode() -> bool:
    """Return whether this is a kernel in user mode, whose CPU time runs on while its host does something else.

    On a busy host a loop of 1.0 s of CPU is counted there as up to 2 s. Counters can be compared with each other, and
    not with what a server burns or with the time that passes.
    """
    try:
        return "User Mode Linux" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
