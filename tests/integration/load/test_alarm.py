"""The alarm that makes requests due."""

import asyncio
import ctypes
from collections.abc import Callable
from time import monotonic

import pytest
import uvloop

from modelprofiler.load.alarm import Alarm


def no_library(name: str | None, **_: object) -> None:
    """Stand in for a platform without timerfd."""
    raise OSError(name)


def woken(times: int, gap: float) -> list[float]:
    """Return how late the alarm was, in seconds, for a number of times a gap apart."""
    late: list[float] = []

    async def run() -> None:
        done = asyncio.Event()
        due = monotonic() + gap

        def wake() -> None:
            nonlocal due
            now = monotonic()
            if now >= due:
                late.append(now - due)
                due += gap
            if len(late) == times:
                alarm.close()
                done.set()
            else:
                alarm.set(due)

        alarm = Alarm(asyncio.get_running_loop(), wake)
        alarm.set(due)
        await asyncio.wait_for(done.wait(), 10)

    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        runner.run(run())
    return late


def test_half_of_the_alarms_at_a_fraction_of_a_millisecond_are_on_time_to_a_fraction_of_one() -> None:
    """The loop's own timers have whole milliseconds; the other half is for what else the machine does."""
    late = sorted(woken(200, 0.0013))
    assert late[100] < 0.0009


def test_without_timerfd_the_alarm_still_wakes_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS the loop's timer has to do."""
    patched: Callable[..., None] = no_library
    monkeypatch.setattr(ctypes, "CDLL", patched)
    assert 20 == len(woken(20, 0.002))
