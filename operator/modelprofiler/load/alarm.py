"""Wake up at a given time, to a few tens of microseconds.

The timers of the event loop are whole milliseconds: at 5,000 requests/s that would send five at once, late by half a
millisecond on average. Linux' timerfd is exact, and a readable file to the loop. Where there is none: the loop's timer.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable
from time import monotonic

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1


class _Spec(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("s", ctypes.c_long),
        ("ns", ctypes.c_long),
    )


class Alarm:
    """Calls ``callback`` after each `set`, at that time or as soon as possible after it.

    The callback must set the next time, or close the alarm: the file stays readable until then, which saves reading it.
    It may be called too early.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._timer: asyncio.TimerHandle | None = None
        self._spec = _Spec()
        self._reference = ctypes.byref(self._spec)
        self._fd = -1
        with contextlib.suppress(AttributeError, OSError):
            libc = ctypes.CDLL(None, use_errno=True)
            self._fd = libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
            self._settime = libc.timerfd_settime
        if self._fd >= 0:
            loop.add_reader(self._fd, callback)

    def set(self, when: float) -> None:
        """Wake at ``when``, seconds of the monotonic clock, instead of any time set before."""
        if self._fd < 0:
            if self._timer:
                self._timer.cancel()
            self._timer = self._loop.call_later(max(when - monotonic(), 0), self._callback)
            return
        when = max(when, 1e-6)  # zero would disarm it
        spec = self._spec
        spec.s = whole = int(when)
        spec.ns = int((when - whole) * 1e9)
        self._settime(self._fd, _ABSOLUTE, self._reference, None)

    def close(self) -> None:
        """Never wake again."""
        if self._timer:
            self._timer.cancel()
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
