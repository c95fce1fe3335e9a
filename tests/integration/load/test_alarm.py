"""The alarm that makes requests due."""

import asyncio
import ctypes
from collections.abc import Callable
from time import monotonic

import pytest
import uvloop

from modelprofiler.load.alarm import Alarm, _Spec


def no_library(name: str | None, **_: object) -> None:
    """Stand in for a platform without timerfd."""
    raise OSError(name)


def woken(times: int, gap: float) -> list[float]:
    """Return how late the alarm was, in seconds, for a number of times a gap apart."""
    late: list[float] = []

    async def run() -> None:
        finished = asyncio.Event()
        due = monotonic() + gap

        def wake() -> None:
            nonlocal due
            now = monotonic()
            if now >= due:
                late.append(now - due)
                due += gap
            if len(late) == times:
                alarm.close()
                finished.set()
            else:
                alarm.set(due)

        alarm = Alarm(asyncio.get_running_loop(), wake)
        alarm.set(due)
        await asyncio.wait_for(finished.wait(), 10)

    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        runner.run(run())
    return late


def test_an_alarm_wakes_every_time_and_never_counts_as_early() -> None:
    """At times a fraction of a millisecond apart, as at a high rate."""
    late = woken(200, 0.0013)
    assert 200 == len(late)
    assert min(late) >= 0


def test_the_kernel_is_given_the_time_to_the_microsecond() -> None:
    """The loop's own timers have whole milliseconds; how punctual the kernel is depends on the machine's other work.

    The time that is left is read from the timer (timerfd_gettime(2)): it lies between what was left just before and
    just after that.
    """
    loop = uvloop.new_event_loop()
    alarm = Alarm(loop, lambda: None)
    due = monotonic() + 100.0001234
    alarm.set(due)
    timer = _Spec()
    before = monotonic()
    assert 0 == ctypes.CDLL(None).timerfd_gettime(alarm._fd, ctypes.byref(timer))
    after = monotonic()
    alarm.close()
    loop.close()
    left = timer.s + timer.ns / 1e9
    assert due - after - 1e-6 <= left <= due - before + 1e-6


def test_without_timerfd_the_alarm_still_wakes_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS the loop's timer has to do."""
    patched: Callable[..., None] = no_library
    monkeypatch.setattr(ctypes, "CDLL", patched)
    assert 20 == len(woken(20, 0.002))
