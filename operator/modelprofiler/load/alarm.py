"""Wakes up at a given time, exact to a few tens of microseconds.

The event loop's timers count whole milliseconds: at 5,000 requests/s they would send five requests at once, half a
millisecond late on average. Linux' timerfd is exact, and to the loop it is a readable file. Where there is no timerfd,
the loop's timer is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable
from time import monotonic

_CLOCK_MONOTONIC = 1
"""CLOCK_MONOTONIC of linux/time.h, the clock of `time.monotonic`."""
_ABSOLUTE = 1
"""TFD_TIMER_ABSTIME of linux/timerfd.h: the time is a moment, not a delay."""
_EARLIEST = 1e-6
"""Seconds. A time of zero would disarm the timer (timerfd_create(2)); a microsecond after boot is always past."""


class _Spec(ctypes.Structure):
    """struct itimerspec of timerfd_create(2)."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("s", ctypes.c_long),
        ("ns", ctypes.c_long),
    )


class Alarm:
    """Calls ``callback`` at the time that was `set`, or as soon as possible after it.

    The callback must set the next time, or close the alarm: until then the timer's file stays readable, which saves the
    system call that would read it. The callback may be called too early.
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
        """Wake at ``when``, in seconds of the monotonic clock; this replaces any time set before."""
        if self._fd < 0:
            if self._timer:
                self._timer.cancel()
            self._timer = self._loop.call_later(max(when - monotonic(), 0), self._callback)
            return
        when = max(when, _EARLIEST)
        spec = self._spec
        spec.s = seconds = int(when)
        spec.ns = int((when - seconds) * 1e9)
        self._settime(self._fd, _ABSOLUTE, self._reference, None)

    def close(self) -> None:
        """Never wake again."""
        if self._timer:
            self._timer.cancel()
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
